"""Which steps a sabotage concerns, and how long a step waits in a broken network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.file.format import Step
from scenarios.prove.plan import Assertion, wanted
from scenarios.prove.run import LIMITS, limited
from scenarios.prove.sabotage import LoadedSabotage, Sabotage, spelled_out
from scenarios.verbs import REGISTRY

ENDS = {"from": "a1", "to": "b1"}
BLOCKS = ENDS | {"protocol": "tcp", "destination_port": 23, "rule": "telnet"}


def assertion(name: str, verb: str, **parameters: Any) -> Assertion:
    step = Step.model_validate({"id": name, "verb": verb, "with": parameters})
    return Assertion(step, REGISTRY[verb].model_validate(parameters))


STEPS = [
    assertion("ping", "ping", **ENDS),
    assertion("tcp", "firewall.blocks", **BLOCKS),
    assertion("icmp", "firewall.blocks", **BLOCKS | {"protocol": "icmp"}),
    assertion("default", "firewall.blocks", **BLOCKS | {"protocol": "udp", "rule": "default"}),
    assertion("any", "ipsec.established"),
]


def sabotage(must_notice: list[Any]) -> LoadedSabotage:
    content = {
        "sabotage": "one",
        "title": "one",
        "broken": "one",
        "must_notice": must_notice,
        "actions": [{"where": "near", "do": "true", "undo": "true"}],
    }
    return LoadedSabotage(file=Path("one.yaml"), sabotage=Sabotage.model_validate(spelled_out(content)))


@pytest.mark.parametrize(
    ("must_notice", "steps"),
    [
        (["ping"], ["ping"]),
        (["firewall.blocks"], ["tcp", "icmp", "default"]),
        ([{"verb": "firewall.blocks", "with": {"protocol": ["tcp", "udp"]}}], ["tcp", "default"]),
        ([{"verb": "firewall.blocks", "with": {"rule": "default"}}, "ping"], ["ping", "default"]),
        ([{"verb": "ipsec.established", "with": {"encryption": ["AES_GCM_16-256"]}}], []),
        (["traffic.tcp"], []),
    ],
)
def test_the_steps_that_must_notice(must_notice: list[Any], steps: list[str]) -> None:
    assert [one.id for one in wanted(sabotage(must_notice), STEPS)] == steps


def test_the_check_by_which_a_step_must_notice() -> None:
    told = [{"verb": "firewall.blocks", "with": {"protocol": "tcp"}, "check": "*left*"}, "firewall.blocks", "ping"]
    assert {one.id: one.check for one in wanted(sabotage(told), STEPS)} == {
        "ping": "",
        "tcp": "*left*",
        "icmp": "",
        "default": "",
    }


@pytest.mark.parametrize(("given", "left"), [(180, LIMITS["within_seconds"]), (1, 1)])
def test_deadlines_are_short_in_a_broken_network(given: float, left: float) -> None:
    verb = REGISTRY["service.active"].model_validate({"within_seconds": given})
    assert limited(verb).model_dump() == {"within_seconds": left}


def test_loads_are_short_in_a_broken_network() -> None:
    verb = REGISTRY["traffic.tcp"].model_validate(ENDS | {"seconds": 60, "at_least_mbit": 5})
    assert limited(verb) == verb.model_copy(update={"seconds": LIMITS["seconds"]})


def test_steps_without_a_deadline_are_as_they_are() -> None:
    assert limited(STEPS[0].verb) == STEPS[0].verb
