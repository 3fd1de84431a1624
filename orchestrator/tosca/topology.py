"""Read a template's topology: inputs, node templates and the relationships between them, each checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.yaml_reader import Document
from orchestrator.tosca.definitions import check_artifact, check_field_definition, check_reference
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.functions import Node
from orchestrator.tosca.relationships import Link, PropertySet, read_links, read_relationship_templates
from orchestrator.tosca.schema.types import Field, Types
from orchestrator.tosca.shape import check_keys, sections, topology_of

_NODE = {"type", "description", "metadata", "properties", "requirements", "artifacts"}


@dataclass(frozen=True)
class Topology:
    """What a template says, with all types resolved.

    `images` holds the container image of each node that has one; `property_sets` what relationships say. `whole` is
    False when parts are missing because they are wrong.
    """

    place: Place
    inputs: Mapping[str, Field]
    nodes: Mapping[str, Node]
    links: tuple[Link, ...]
    images: Mapping[str, str]
    property_sets: tuple[PropertySet, ...]
    whole: bool


def read_topology(document: Document, types: Types, report: Report) -> Topology | None:
    """The topology of that document; None when it has none. Parts that are wrong are reported and left out."""
    found = topology_of(document, report)
    if found is None:
        return None
    topology, place = found
    before = len(report)
    inputs: dict[str, Field] = {}
    for name, body, where in sections(place, topology, "inputs", report):
        check_field_definition(types, body, where, report)
        if isinstance(body, dict):  # one that is wrong is declared all the same
            inputs[name] = types.field(name, body, where)
    bodies = {
        name: (body, where)
        for name, body, where in sections(place, topology, "node_templates", report)
        if _check_node(types, name, body, where, report)
    }
    if not topology.get("node_templates"):
        report.add(place, "there are no node_templates, so there is nothing to deploy")
    templates = read_relationship_templates(types, topology, place, report)
    kinds = dict.fromkeys(_names(topology)) | {name: body["type"] for name, (body, _where) in bodies.items()}
    links = tuple(
        link
        for name, (body, where) in bodies.items()
        for link in read_links(types, name, body, where, kinds, templates, report)
    )
    nodes = {name: _node(types, name, body, where, links) for name, (body, where) in bodies.items()}
    images = {name: image for name, (body, _where) in bodies.items() if (image := _image(types, body))}
    used = [link.properties for link in links if link.properties is not None]
    return Topology(place, inputs, nodes, links, images, (*templates.values(), *used), whole=len(report) == before)


def _names(topology: dict[str, Any]) -> list[str]:
    nodes = topology.get("node_templates")
    return list(nodes) if isinstance(nodes, dict) else []


def _check_node(types: Types, name: str, body: Any, place: Place, report: Report) -> bool:
    if not check_keys(body, _NODE, place, report):
        return False
    if "type" not in body:
        report.add(place, "type is missing")
        return False
    if not isinstance(body.get("properties") or {}, dict):
        report.add(place / "properties", f"properties must be a map, not {show(body['properties'])}")
        return False
    for _name, artifact, where in sections(place, body, "artifacts", report):
        check_artifact(types, artifact, where, report)
    return check_reference(types, "node_types", body["type"], place / "type", report)


def _node(types: Types, name: str, body: dict[str, Any], place: Place, links: tuple[Link, ...]) -> Node:
    return Node(
        name=name,
        type=body["type"],
        place=place,
        properties=body.get("properties") or {},
        fields=types.fields("node_types", body["type"]),
        targets={link.requirement: link.target for link in links if link.source == name},
    )


def _image(types: Types, body: dict[str, Any]) -> str | None:
    """The file of the artifact `image` that is a container image, the template's own before the type's."""
    own = body.get("artifacts")
    inherited, _place = types.members("node_types", body["type"], "artifacts").get("image", (None, None))
    artifact = own.get("image", inherited) if isinstance(own, dict) else inherited
    if not isinstance(artifact, dict) or not isinstance(artifact.get("type"), str):
        return None
    if not types.is_a("artifact_types", artifact["type"], "lso.artifacts.ContainerImage"):
        return None
    file = artifact.get("file")
    return file if isinstance(file, str) and file else None
