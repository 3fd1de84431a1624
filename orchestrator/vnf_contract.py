"""The VNF contract, held against what a product really says: the labels of its image and its status.

The schemas are those of ``vnfs/contract`` (docs/vnf-contract.md).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, Registry

from orchestrator.plan.build import CONTRACT

_SCHEMAS = Path(__file__).resolve().parent.parent / "vnfs" / "contract"
_LOOKED_AT = 20
"""Entries of a list, for instance of flows: the next one is made by the same lines of the product."""
_MAX_FINDINGS = 5
"""So many findings say enough; a status of another kind breaks dozens of rules."""


def label_findings(labels: Mapping[str, str], kind: str) -> tuple[str, ...]:
    """Return what is wrong with the labels of an image that is to serve as a VNF of *kind*; empty when nothing is."""
    wanted = {"lso.vnf.contract": CONTRACT, "lso.vnf.kind": kind}
    wrong = [
        f"label {name} is {labels[name]!r}, expected {value!r}"
        for name, value in wanted.items()
        if name in labels and labels[name] != value
    ]
    names = (*wanted, "lso.vnf.vendor", "lso.vnf.version")
    return (*wrong, *(f"label {name} is missing" for name in names if not labels.get(name)))


def schema_findings(status: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """Return what is wrong with the form of a status of a VNF of *kind*, each with its place."""
    some = {name: value[:_LOOKED_AT] if isinstance(value, list) else value for name, value in status.items()}
    return tuple(sorted(f"{_place(e.instance_path)}: {e.message[:200]}" for e in _validator(kind).iter_errors(some)))


def status_findings(
    status: Mapping[str, Any], kind: str, labels: Mapping[str, str], intent_sha256: str
) -> tuple[str, ...]:
    """Return what is wrong with the status of a VNF of *kind* after its intent was applied, each with its place.

    *labels* are those of its image, whose vendor and version the status has to repeat; *intent_sha256* is the digest
    of the intent as it was handed over.
    """
    found = list(schema_findings(status, kind))
    expected = {"intent_sha256": intent_sha256, "ready": True}
    expected |= {name: labels[f"lso.vnf.{name}"] for name in ("vendor", "version") if f"lso.vnf.{name}" in labels}
    found += [
        f"{name}: {status[name]!r}, expected {value!r}"
        for name, value in expected.items()
        if name in status and status[name] != value
    ]
    more = len(found) - _MAX_FINDINGS
    return (*found[:_MAX_FINDINGS], f"and {more} more") if more > 0 else tuple(found)


def _place(path: list[str | int]) -> str:
    """`flows[0].lost`; `$` for the whole."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".") or "$"


@functools.cache
def _validator(kind: str) -> Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text()) for path in _SCHEMAS.glob("*.schema.json")}
    registry = Registry([(schema["$id"], schema) for schema in schemas.values()])
    return Draft202012Validator(schemas.get(f"{kind}-status.schema.json", _common(schemas)), registry=registry)


def _common(schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the status of every kind has: for a kind whose own schema is not here."""
    members = ("contract", "name", "ready", "intent_sha256", "vendor", "version", "engine")
    some = next(schema for name, schema in schemas.items() if name.endswith("-status.schema.json"))
    return {
        "$schema": some["$schema"],
        "type": "object",
        "required": [*members, "kind"],
        "properties": {name: some["properties"][name] for name in members if name != "engine"},
    }
