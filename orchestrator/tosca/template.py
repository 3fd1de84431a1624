"""A template read and checked once, to be filled with inputs many times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.findings import FileFinding, nearest
from orchestrator.tosca.chain import VNF, order_chain
from orchestrator.tosca.definitions import check_definitions
from orchestrator.tosca.documents.report import Place, Report
from orchestrator.tosca.documents.sources import Root, Sources, read_sources, unchanged
from orchestrator.tosca.functions import Evaluator, Node
from orchestrator.tosca.parser import parser_findings
from orchestrator.tosca.products import VnfProduct, with_products
from orchestrator.tosca.schema.types import Field, Types
from orchestrator.tosca.schema.values import UNKNOWN, check_field, check_fields
from orchestrator.tosca.shape import check_documents
from orchestrator.tosca.topology import Topology, read_topology

_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/-]{0,200}(:[A-Za-z0-9._-]{1,100})?(@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class Template:
    """A template with everything that can be known before there are inputs.

    `chain` has the nodes from the LAN port to the WAN port. With `findings` it cannot be used, and `topology` or
    `chain` may be missing.
    """

    name: str
    sources: Sources = field(repr=False)
    types: Types = field(repr=False)
    topology: Topology | None = field(repr=False)
    chain: tuple[Node, ...] | None = field(repr=False)
    findings: tuple[FileFinding, ...]

    def current(self) -> bool:
        """True while the files that it was read from are the same."""
        return bool(self.sources.digests) and unchanged(self.sources.digests)


def read_template(name: str, path: Path, roots: tuple[Root, ...], products: Sequence[VnfProduct] = ()) -> Template:
    """Read and check a template with its imports; what is wrong with it is in its findings.

    *products* take the places of those of their kinds that the template names.
    """
    report = Report()
    sources = read_sources(path, roots, report, [product.descriptor for product in products])
    check_documents(sources.documents, report)
    types = Types(sources.documents, report)
    check_definitions(types, report)
    main = with_products(sources.documents[0], types, products, report) if sources.documents else None
    topology = read_topology(main, types, report) if main else None
    chain = order_chain(topology, types, report) if topology else None
    if topology:
        _check_vnfs(topology, types, report)
        evaluate(types, topology, dict.fromkeys(topology.inputs, UNKNOWN), report)
    if not report and topology and main:
        report.extend(parser_findings(main, types))
    return Template(name, sources, types, topology, chain, report.findings)


def check_inputs(template: Template, given: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The value of each input: given, by default, None where there is none, UNKNOWN where it is wrong."""
    fields = template.topology.inputs if template.topology else {}
    place = Place(None)
    for name in given:
        if name not in fields:
            report.add(place / name, f"the template has no input {name}", nearest(name, fields))
    return {
        name: check_field(template.types, item, given.get(name), place / name, report) for name, item in fields.items()
    }


def evaluate(types: Types, topology: Topology, inputs: Mapping[str, Any], report: Report) -> dict[str, dict[str, Any]]:
    """The properties of all nodes, functions replaced and values checked."""
    evaluator = Evaluator(types, topology.nodes, inputs, report)
    for item in topology.property_sets:
        owner = Node("", item.type, item.place, item.values, item.fields, {})
        values = {name: evaluator.value(value, item.place / name, owner) for name, value in item.values.items()}
        check_fields(types, item.fields, values, item.place, report)
    return {name: _evaluate(types, topology, node, evaluator, report) for name, node in topology.nodes.items()}


def origin(node: Node, *path: str | int) -> Place:
    """The place to point at for a part of a node's property: the input that it comes from, if it is one."""
    raw: Any = node.properties
    for depth, step in enumerate(path):
        raw = raw.get(step) if isinstance(raw, dict) else _item(raw, step)
        if isinstance(raw, dict) and set(raw) == {"get_input"}:
            name = raw["get_input"]
            return Place(None, (*(name if isinstance(name, list) else (name,)), *path[depth + 1 :]))
    return Place(node.place.document, (*node.place.path, "properties", *path))


def _item(raw: Any, step: str | int) -> Any:
    return raw[step] if isinstance(raw, list) and isinstance(step, int) and step < len(raw) else None


def _evaluate(types: Types, topology: Topology, node: Node, evaluator: Evaluator, report: Report) -> dict[str, Any]:
    for name in node.properties:
        if name not in node.fields:
            place = node.place / "properties" / name
            report.add(place, f"{node.type} has no property {name}", nearest(name, node.fields))
    values = {}
    for name, item in node.fields.items():
        value = evaluator.property(node, name)
        if value is None or not _is_checked_input(topology, node.properties.get(name), item):
            value = check_field(types, item, value, origin(node, name), report)
        values[name] = value
    return values


def _is_checked_input(topology: Topology, raw: Any, item: Field) -> bool:
    """Whether a property is an input as it is, which had to be the same and so need not be checked once more."""
    name = raw.get("get_input") if isinstance(raw, dict) and len(raw) == 1 else None
    return isinstance(name, str) and name in topology.inputs and topology.inputs[name].schema.same(item.schema)


def _check_vnfs(topology: Topology, types: Types, report: Report) -> None:
    for node in topology.nodes.values():
        if not types.is_a("node_types", node.type, VNF):
            continue
        if not _NODE_NAME.fullmatch(node.name):
            hint = "use up to 32 letters, digits, - and _"
            report.add(node.place, f"{node.name} cannot be part of a container's name", hint)
        image = topology.images.get(node.name)
        if image is None:
            hint = "give its type an artifact image of the type lso.artifacts.ContainerImage"
            report.add(node.place, f"{node.type} has no container image", hint)
        elif not _IMAGE.fullmatch(image):
            report.add(node.place, f"{image} is not the name of a container image", "write lso/vnf-name:1.0")
