"""The service order that a scenario places is what the published types take, and means what the other face means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from presto_api.mef.envelope import Order
from presto_api.mef.payload import KINDS, MODELS
from scenarios.load import load
from scenarios.ordering.order_items import add_items

ROOT = Path(__file__).parents[4]
POC, VARIANT = (load(ROOT / "scenarios" / name).scenario for name in ("poc-two-sites", "poc-two-sites-ordering"))


def _order() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    order = {"requestedStartDate": now, "requestedCompletionDate": now, "serviceOrderItem": add_items(VARIANT.service)}
    copied: dict[str, Any] = json.loads(json.dumps(order))
    return copied


def test_the_variant_is_the_poc_through_the_other_face() -> None:
    assert VARIANT.service.model_copy(update={"face": "presto-rpc"}) == POC.service
    assert VARIANT.topology == POC.topology
    proofs = [[(step.verb, step.title, step.with_) for step in scenario.steps] for scenario in (POC, VARIANT)]
    assert proofs[0] == proofs[1]


def test_the_order_is_of_the_published_types() -> None:
    order = Order.model_validate(_order())
    configurations = [item.service.service_configuration or {} for item in order.service_order_item]
    kinds = [KINDS[configuration["@type"]] for configuration in configurations]
    assert kinds == ["sd-wan-uni", "sd-wan-uni", "swvc", "swvc-end-point", "swvc-end-point"]
    for kind, configuration in zip(kinds, configurations, strict=True):
        MODELS[kind].model_validate(configuration)


def test_ranges_and_words_are_written_as_the_payload_has_them() -> None:
    (swvc,) = [item for item in _order()["serviceOrderItem"] if item["id"] == "swvc"]
    configuration = swvc["service"]["serviceConfiguration"]
    flows = {flow["applicationFlowName"]: flow for flow in configuration["applicationFlowSpecificationList"]}
    ((criteria),) = flows["probe"]["applicationFlowCriteria"]
    assert criteria == {"protv4": [17], "tcpUdpDestinationPortList": list(range(9000, 9100))}
    assert configuration["policyList"] == [{"polName": "business", "polCl": [{"encryptionType": "REQUIRED_ALWAYS"}]}]


@pytest.mark.parametrize("site", ["site-a", "site-b"])
def test_an_end_point_maps_every_application_in_the_order_of_the_service(site: str) -> None:
    (end,) = [item for item in _order()["serviceOrderItem"] if item["id"] == f"end-point-{site}"]
    entries = end["service"]["serviceConfiguration"]["policyMap"]
    found = {entry["applicationFlow"][0]["applicationFlowName"]: entry["policy"]["polName"] for entry in entries}
    assert found == POC.service.mappings
    assert list(found) == [application.id for application in POC.service.applications]
