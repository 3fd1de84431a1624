from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lso.site_plans import SECRET, templates, without_secrets

ROOT = Path(__file__).parents[3]


def test_the_templates_are_those_of_a_run() -> None:
    names = {"templates/poc-site.yaml", "types/lso_types.yaml", "vnfs/strongswan/descriptor.yaml"}
    assert names <= templates({}).keys()
    assert all(path.is_file() for path in templates({}).values())


def test_secrets_are_taken_out_wherever_they_are() -> None:
    given = {"a": [{"psk": "one", "name": "b"}], "local": {"private_key": "two", "certificate": "c"}}
    assert without_secrets(given) == {"a": [{"name": "b"}], "local": {"certificate": "c"}}


def secret_properties(types: dict[str, Any]) -> set[str]:
    """The names of all properties of a type that findings do not show."""
    base = "lso.datatypes.Secret"
    kinds = {base, *(name for name, entry in types["data_types"].items() if entry.get("derived_from") == base)}
    return {
        name
        for part in ("data_types", "node_types")
        for definition in types[part].values()
        for name, entry in (definition.get("properties") or {}).items()
        if entry.get("type") in kinds
    }


def test_what_the_types_call_secret_is_taken_out() -> None:
    types = yaml.safe_load((ROOT / "orchestrator" / "types" / "lso_types.yaml").read_text())
    assert secret_properties(types) == SECRET


def test_the_contract_has_no_other_keys_of_gateways() -> None:
    schema = json.loads((ROOT / "vnfs" / "contract" / "ipsec-intent.schema.json").read_text())
    members = {name for entry in schema["$defs"].values() for name in entry.get("properties", {})}
    assert members >= SECRET
