"""The VNF products that templates can use, out of the descriptors beside their images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.findings import FileFinding
from common.product_folder import products_in
from common.yaml_reader import Document
from orchestrator.model import TemplateError
from orchestrator.plan.build import CONTRACT
from orchestrator.tosca.chain import VNF
from orchestrator.tosca.documents.report import Place, Report
from orchestrator.tosca.documents.sources import Root, Sources, digest, read_sources, unchanged
from orchestrator.tosca.schema.types import Types
from orchestrator.tosca.shape import topology_of


@dataclass(frozen=True, slots=True)
class VnfProduct:
    """A VNF that a vendor offers: its TOSCA node type and what its container needs.

    `name` is that of the folder of its `descriptor`. `vendor` and `version` are None where nothing but the image itself
    says them. `contract` is the version of the VNF contract that the orchestrator speaks with it.
    """

    name: str
    descriptor: Path
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


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The products of a descriptor, and the digest of each file that they were read from."""

    products: tuple[VnfProduct, ...]
    digests: tuple[tuple[Path, str], ...]


class Products:
    """The products in some folders, each descriptor of which is read anew only when a file of it has changed."""

    def __init__(self, folders: tuple[Root, ...], roots: tuple[Root, ...]) -> None:
        self._folders, self._roots = folders, roots
        self._read: dict[Path, Descriptor] = {}

    def all(self) -> Iterator[VnfProduct]:
        """The products, by descriptor; raises TemplateError with what is wrong with a descriptor."""
        for root in self._folders:
            for folder in products_in(root.folder):
                yield from self._products(folder / "descriptor.yaml")

    def _products(self, path: Path) -> tuple[VnfProduct, ...]:
        read = self._read.get(path)
        if read is None or not unchanged(read.digests):
            read = self._read[path] = _read(path, self._roots)
        return read.products


def read_product(path: Path, roots: tuple[Root, ...]) -> VnfProduct:
    """The one product that the descriptor *path* is of; raises TemplateError."""
    found = _read(path, roots).products
    if len(found) != 1:
        message = f"it has {len(found)} node types that are VNFs, not one"
        hint = "derive one from lso.nodes.vnf.Firewall, lso.nodes.vnf.Statistics or lso.nodes.vnf.IPsec"
        raise TemplateError((FileFinding(str(path), None, None, "node_types", message, hint),))
    return found[0]


def _read(path: Path, roots: tuple[Root, ...]) -> Descriptor:
    report = Report()
    sources = read_sources(path, roots, report)
    types = Types(sources.documents, report)
    if report:
        findings: tuple[FileFinding, ...] = report.findings
        raise TemplateError(findings)
    made_by = path.with_name("product.json")
    content = made_by.read_bytes() if made_by.is_file() else b""
    products = tuple(_products(path, sources, types, _told(content)))
    return Descriptor(products, (*sources.digests, (made_by, digest(content))))


def _products(path: Path, sources: Sources, types: Types, made_by: Mapping[str, Any]) -> Iterator[VnfProduct]:
    for name, definition in types.definitions["node_types"].items():
        if definition.place.document is sources.documents[0] and types.is_a("node_types", name, VNF):
            fields = types.fields("node_types", name)
            yield VnfProduct(
                name=path.parent.name,
                descriptor=path,
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


def with_products(document: Document, types: Types, products: Sequence[VnfProduct], report: Report) -> Document:
    """The template with these products in the places of those that it names itself, by kind.

    What the template says of a node stays, but for an image, which was that of the product before.
    """
    found = topology_of(document, report) if products else None
    topology, place = found or ({}, Place(document))
    nodes = topology.get("node_templates")
    if not isinstance(nodes, dict):
        return document
    chosen = {product.kind: product for product in products}
    kinds = {name: kind for name, body in nodes.items() if (kind := _kind(types, body)) in chosen}
    for kind in chosen.keys() - set(kinds.values()):
        report.add(place / "node_templates", f"there is no VNF of the kind {kind}", f"{chosen[kind].name} has no place")
    served = {name: _served_by(chosen[kind], nodes[name]) for name, kind in kinds.items()}
    changed = {**topology, "node_templates": {**nodes, **served}}
    return replace(document, data={**document.data, "topology_template": changed})


def _served_by(product: VnfProduct, node: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in node.items() if key != "artifacts"}, "type": product.node_type}


def _kind(types: Types, node: Any) -> str:
    """The kind of VNF that a node template is of; empty for what is none."""
    name = node.get("type") if isinstance(node, dict) else None
    if not isinstance(name, str) or not types.is_a("node_types", name, VNF):
        return ""
    return str(types.fields("node_types", name)["kind"].default)


def _told(product: bytes) -> Mapping[str, Any]:
    """What the file beside a descriptor says of the product's vendor."""
    found: Any = json.loads(product) if product else {}
    return found if isinstance(found, dict) else {}
