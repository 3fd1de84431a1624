"""The VNF products that templates can use, out of the descriptors beside their images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.findings import FileFinding
from orchestrator.model import TemplateError
from orchestrator.plan.build import CONTRACT
from orchestrator.tosca.chain import VNF
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.documents.sources import Root, read_sources
from orchestrator.tosca.schema.types import Types


@dataclass(frozen=True, slots=True)
class VnfProduct:
    """A VNF that a vendor offers: its TOSCA node type and what its container needs.

    `vendor` and `version` are None where nothing but the image itself says them. `contract` is the version of the VNF
    contract that the orchestrator speaks with it.
    """

    node_type: str
    kind: str
    description: str
    image: str
    vendor: str | None
    version: str | None
    contract: str
    linux_capabilities: tuple[str, ...]
    devices: tuple[str, ...]
    sysctls: Mapping[str, str]


def read_products(folders: tuple[Root, ...], roots: tuple[Root, ...]) -> Iterator[VnfProduct]:
    """The products in these folders, by descriptor; raises TemplateError with what is wrong with a descriptor."""
    for root in folders:
        for path in sorted(root.folder.glob("*/descriptor.yaml")):
            yield from _read(path, roots)


def _read(path: Path, roots: tuple[Root, ...]) -> Iterator[VnfProduct]:
    report = Report()
    sources = read_sources(path, roots, report)
    types = Types(sources.documents, report)
    if report:
        findings: tuple[FileFinding, ...] = report.findings
        raise TemplateError(findings)
    made_by = _made_by(path.with_name("product.json"))
    for name, definition in types.definitions["node_types"].items():
        if definition.place.document is sources.documents[0] and types.is_a("node_types", name, VNF):
            fields = types.fields("node_types", name)
            yield VnfProduct(
                node_type=name,
                kind=str(fields["kind"].default),
                description=str(definition.body.get("description", "")),
                image=str(definition.body.get("artifacts", {}).get("image", {}).get("file", "")),
                vendor=made_by.get("vendor"),
                version=made_by.get("version"),
                contract=CONTRACT,
                linux_capabilities=tuple(fields["linux_capabilities"].default or ()),
                devices=tuple(fields["devices"].default or ()),
                sysctls=dict(fields["sysctls"].default or {}),
            )


def _made_by(path: Path) -> Mapping[str, Any]:
    found: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if isinstance(found, dict) else {}
