"""What the VNFs of a site may drop, by the order and by their own status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scenarios.load import load
from scenarios.network.conservation import SiteBooks, dropped, site_checks
from scenarios.steps.observation import FILE_NAME, read
from scenarios.verbs import REGISTRY
from testbed.ucpe_view import FlowEntry, parse_flows

POC = load(Path(__file__).parents[4] / "scenarios" / "poc-two-sites").scenario
COUNTED = {"web": 1, "web-2": 2, "telnet": 4, "telnet-2": 8, "icmp": 16}
CASE = Path(__file__).parents[1] / "evidence" / "chain.conserved" / "passed" / FILE_NAME
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


def with_rule(count: Any, rule: FlowEntry) -> Any:
    switch = replace(count.switch, rules=(*count.switch.rules, rule))
    return count.model_copy(update={"switch": switch})


def test_a_rule_that_has_come_up_beside_the_chains_is_foreign_before_it_takes_a_packet() -> None:
    evidence: Any = read(CASE, REGISTRY)[1].evidence
    books: SiteBooks = evidence.sites[0]
    (rule,) = parse_flows("cookie=0x1, table=0, n_packets=0, priority=9,tcp,in_port=lan0 actions=output:wan0")
    now = books.model_copy(update={"now": with_rule(books.now, rule)})
    wrong = [check for check in site_checks(now, evidence.service_id) if check.verdict.is_bad]
    assert [(check.name, check.measured) for check in wrong] == [("site-a: rules beside the chain's", rule.text())]
    both = now.model_copy(update={"before": with_rule(books.before, rule)})
    assert not [check for check in site_checks(both, evidence.service_id) if check.verdict.is_bad]
