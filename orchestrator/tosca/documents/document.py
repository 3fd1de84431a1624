"""YAML documents of templates, orders and clients: their faults as findings."""

from __future__ import annotations

from common.yaml_reader import Document, Limits, read_yaml
from orchestrator.tosca.documents.report import Report

_LIMITS = Limits()
MAX_BYTES, MAX_DEPTH, MAX_VALUES = _LIMITS.bytes, _LIMITS.depth, _LIMITS.values


def read_document(name: str, content: bytes, report: Report) -> Document | None:
    """Read one YAML document; reports everything that is wrong and returns None if nothing can be used."""
    document = read_yaml(content, _LIMITS, name)
    report.extend(document.findings)
    return document if document.complete else None
