"""The outer shape of documents: which keys may stand where."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from common.findings import nearest
from common.yaml_reader import Document
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.schema.types import ROOTS

VERSION = "tosca_simple_yaml_1_3"

_HEAD = {"tosca_definitions_version", "metadata", "description", "dsl_definitions", "imports"}
_TOPOLOGY = {"description", "inputs", "node_templates", "relationship_templates"}
_UNUSED = {
    "attributes", "capabilities", "copy", "directives", "group_types", "groups", "interface_types", "interfaces",
    "namespace", "node_filter", "occurrences", "outputs", "policies", "policy_types", "repositories",
    "substitution_mappings", "workflows",
}  # fmt: skip
"""Keys of TOSCA that decide nothing here; ignoring them in silence would mislead whoever writes one."""


def check_keys(body: Any, allowed: Collection[str], place: Place, report: Report) -> bool:
    """Report unknown keys; False when *body* is not a map at all (which is reported too)."""
    if not isinstance(body, dict):
        report.add(place, f"a map is needed here, not {show(body)}")
        return False
    for key in body:
        if key in allowed:
            continue
        if key in _UNUSED:
            report.add(place / key, f"{key} is not used by this orchestrator", "remove it")
        else:
            report.add(place / key, f"there is no {key} here", nearest(key, allowed))
    return True


def sections(place: Place, body: dict[str, Any], key: str, report: Report) -> Iterator[tuple[str, Any, Place]]:
    """The entries of an optional map under *key*, with their places."""
    entries = body.get(key)
    if entries is None:
        return
    if not isinstance(entries, dict):
        report.add(place / key, f"{key} must be a map, not {show(entries)}")
        return
    for name, entry in entries.items():
        yield name, entry, place / key / name


def check_documents(documents: tuple[Document, ...], report: Report) -> None:
    """Check what stands at the top of each document; only the first one has a topology."""
    for number, document in enumerate(documents):
        place = Place(document)
        if not check_keys(document.data, _HEAD | ROOTS.keys() | {"topology_template"}, place, report):
            continue
        version = document.data.get("tosca_definitions_version")
        if version != VERSION:
            message = "tosca_definitions_version is missing" if version is None else f"{show(version)} is not known"
            report.add(place / "tosca_definitions_version", message, f"write tosca_definitions_version: {VERSION}")
        if number and "topology_template" in document.data:
            report.add(place / "topology_template", "an imported file brings types, not a topology")


def topology_of(document: Document, report: Report) -> tuple[dict[str, Any], Place] | None:
    """The template's topology, if it has one of the right shape."""
    place = Place(document, ("topology_template",))
    if not isinstance(document.data, dict):
        return None
    if document.data.get("topology_template") is None:
        report.add(Place(document), "there is no topology_template, so there is nothing to deploy")
        return None
    topology = document.data["topology_template"]
    return (topology, place) if check_keys(topology, _TOPOLOGY, place, report) else None
