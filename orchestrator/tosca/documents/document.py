"""YAML documents of templates, orders and clients: their faults as findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.findings import FileFinding
from common.yaml_reader import Fault, Limits, Path, read_yaml
from orchestrator.tosca.documents.report import Report, format_path

_LIMITS = Limits()
MAX_BYTES, MAX_DEPTH, MAX_VALUES = _LIMITS.bytes, _LIMITS.depth, _LIMITS.values


@dataclass(frozen=True)
class Document:
    """A YAML file: its name in messages, its plain data and where each value stands (line and column from 1)."""

    name: str
    data: Any
    marks: dict[Path, tuple[int, int]] = field(repr=False)

    def mark(self, path: Path) -> tuple[int, int]:
        """The place of that value, or of the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


def read_document(name: str, content: bytes, report: Report) -> Document | None:
    """Read one YAML document; reports everything that is wrong and returns None if nothing can be used."""
    parsed = read_yaml(content, _LIMITS)
    report.extend(fault_finding(name, fault) for fault in parsed.faults)
    return Document(name, parsed.data, parsed.marks) if parsed.complete else None


def fault_finding(name: str, fault: Fault) -> FileFinding:
    """What is wrong with the YAML of the document of that name."""
    return FileFinding(name, fault.line, fault.column, format_path(fault.path), fault.message, fault.hint or None)
