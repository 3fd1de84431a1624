"""What the VNFs of a site may drop, by the order and by their own status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.load import load
from scenarios.network.conservation import dropped

POC = load(Path(__file__).parents[4] / "scenarios" / "poc-two-sites").scenario
COUNTED = {"web": 1, "web-2": 2, "telnet": 4, "telnet-2": 8, "icmp": 16}
FIREWALL: dict[str, Any] = {
    "kind": "firewall",
    "rules": [{"id": name, "packets": packets} for name, packets in COUNTED.items()],
    "default": {"packets": 32},
}


@pytest.mark.parametrize(
    ("overrides", "reasons"),
    [
        ({}, {"telnet", "telnet-2", "default"}),
        ({"web": "block", "telnet": "business"}, {"web", "web-2", "default"}),
        ({"icmp": "BLOCK"}, {"telnet", "telnet-2", "icmp", "default"}),
    ],
)
def test_a_firewall_drops_what_the_order_blocks_at_its_site(overrides: dict[str, str], reasons: set[str]) -> None:
    point = POC.service.endpoints[0].model_copy(update={"overrides": overrides})
    service = POC.service.model_copy(update={"endpoints": [point, POC.service.endpoints[1]]})
    found = dropped(POC.model_copy(update={"service": service}), "site-a", FIREWALL)
    assert found == {reason: {**COUNTED, "default": 32}[reason] for reason in reasons}


def test_an_application_whose_name_ends_like_a_second_rule_is_one_of_its_own() -> None:
    second = POC.service.applications[0].model_copy(update={"id": "telnet-2"})
    service = POC.service.model_copy(
        update={
            "applications": [*POC.service.applications, second],
            "mappings": {**POC.service.mappings, "telnet-2": "business"},
        }
    )
    assert set(dropped(POC.model_copy(update={"service": service}), "site-a", FIREWALL)) == {"telnet", "default"}


def test_a_statistics_vnf_drops_foreign_frames() -> None:
    assert dropped(POC, "site-a", {"kind": "statistics", "foreign": {"packets": 7}}) == {"foreign": 7}
    assert dropped(POC, "site-a", {}) == {"foreign": 0}
