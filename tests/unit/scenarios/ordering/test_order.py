"""The order that a scenario places is what the published API definition takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema

import standards
from scenarios.load import load
from scenarios.ordering.order import create_input

ROOT = Path(__file__).parents[4]
UNIS = {"site-a": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "site-b": "6ba7b811-9dad-11d1-80b4-00c04fd430c8"}


def _order() -> dict[str, Any]:
    return create_input(load(ROOT / "scenarios" / "poc-two-sites").scenario.service, UNIS)


def test_the_order_has_members_of_the_standard_only() -> None:
    document = standards.load(standards.PRESTO)
    definitions = document["definitions"]
    name = "tapi.connectivity.createconnectivityservice.Input"
    augmented = definitions[name].get("allOf", [definitions[name]])
    schema = {"definitions": definitions, "allOf": augmented, "unevaluatedProperties": False}
    jsonschema.Draft202012Validator(schema).validate(_order())


def test_two_end_points_are_point_to_point() -> None:
    order = _order()
    assert order["connectivity-constraint"]["service-type"] == "POINT_TO_POINT_CONNECTIVITY"
    assert [point["swvc-endpoint-attributes"]["endpoint-uni"] for point in order["end-point"]] == list(UNIS.values())


def test_criteria_are_pairs_of_name_and_texts() -> None:
    applications = _order()["swvc-service-attributes"]["applications"]["application"]
    web = next(entry for entry in applications if entry["app-id"] == "web")
    assert web["criteria"] == [{"pc-name": "PROTV4", "pc-param": ["6"]}, {"pc-name": "DPORT", "pc-param": ["80"]}]
