"""Which steps a run has beside those of its scenario, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.file.format import Step
from scenarios.load import load
from scenarios.own_steps import at_the_end, before_removal

POC = load(Path(__file__).parents[3] / "scenarios" / "poc-two-sites").scenario


@pytest.mark.parametrize(
    ("chain", "taken", "ids"),
    [
        (["firewall", "ipsec"], "web", ["associations", "underlay", "management"]),
        (["firewall", "statistics"], "web", ["management"]),
        (["ipsec"], "underlay", ["associations", "underlay-end", "management"]),
    ],
)
def test_the_steps_at_the_end(chain: list[str], taken: str, ids: list[str]) -> None:
    service = POC.service.model_copy(update={"chain": chain})
    steps = [POC.steps[0].model_copy(update={"id": taken})]
    scenario = POC.model_copy(update={"service": service, "steps": steps})
    assert [step.id for step, _ in at_the_end(scenario)] == ids
    assert all(step.verb == verb.verb for step, verb in at_the_end(scenario))


def test_a_service_is_asked_before_it_is_removed() -> None:
    assert [(step.id, verb.verb) for step, verb in before_removal(POC)] == [("conserved", "chain.conserved")]


def test_gateways_that_must_not_connect_are_asked_for_no_associations_and_have_no_quiet_moment() -> None:
    refused = {"id": "refused", "verb": "ipsec.refused", "with": {"from": "a1", "to": "b1", "destination_port": 9001}}
    scenario = POC.model_copy(update={"steps": [Step.model_validate(refused)]})
    assert [step.id for step, _ in at_the_end(scenario)] == ["underlay", "management"]
    assert list(before_removal(scenario)) == []


def test_a_gateway_that_is_killed_has_counted_no_packets_but_all_else_is_asked() -> None:
    recovers = {"id": "back", "verb": "ipsec.recovers", "with": {"from": "a1", "to": "b1", "destination_port": 9001}}
    scenario = POC.model_copy(update={"steps": [Step.model_validate(recovers)]})
    assert [step.id for step, _ in at_the_end(scenario)] == ["associations", "underlay", "management"]
    assert list(before_removal(scenario)) == []
