"""Where probes may go: only what the order of the service's flows allows without doubt."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from scenarios.file.format import Scenario
from scenarios.load import load
from scenarios.network.drawn.allowed import Allowed, echoes, ports

POC = Path(__file__).parents[5] / "scenarios" / "poc-two-sites"


def _scenario(*applications: dict[str, Any], overrides: dict[str, str] | None = None, **mappings: str) -> Scenario:
    document = load(POC).scenario.model_dump(mode="json", by_alias=True)
    named = [{"id": f"app{number}", "criteria": criteria} for number, criteria in enumerate(applications)]
    service = document["service"] | {"applications": named, "mappings": {entry["id"]: "business" for entry in named}}
    service["mappings"] |= mappings
    service["endpoints"][1]["overrides"] = overrides or {}
    return Scenario.model_validate(document | {"service": service})


def test_the_pocs_ports() -> None:
    scenario = load(POC).scenario
    assert ports(scenario, "tcp") == [80, *range(5201, 5300)]
    assert ports(scenario, "udp") == [*range(5201, 5300), *range(9000, 9100)]
    assert echoes(scenario)


@pytest.mark.parametrize(
    ("applications", "more", "allowed"),
    [
        ([{"PROTV4": 6, "DPORT": "10-12"}, {"PROTV4": "TCP", "DPORT": [11, "20"]}], {}, [10, 11, 12, 20]),
        ([{"PROTV4": 6, "DPORT": 11}, {"PROTV4": 6, "DPORT": "10-12"}], {"app0": "block"}, [10, 12]),
        ([{"PROTV4": 6, "DPORT": "10-12"}, {"PROTV4": 6, "DPORT": 11}], {"app1": "block"}, [10, 11, 12]),
        ([{"PROTV4": 6, "DPORT": "10-12", "SPORT": 9}, {"PROTV4": 6, "DPORT": "12-13"}], {}, [13]),
        ([{"PROTV4": 6, "DPORT": "10-12"}], {"overrides": {"app0": "BLOCK"}}, []),
        ([{"PROTV4": 17, "DPORT": "10-12"}], {}, []),
        ([{"DPORT": 10}, {"PROTV4": 6, "DPORT": "10-11"}], {}, [11]),
        ([{"PROTV4": [17, 6], "DPORT": 10}], {}, [10]),
    ],
)
def test_only_what_is_allowed_without_doubt(
    applications: list[dict[str, Any]], more: dict[str, Any], allowed: list[int]
) -> None:
    assert ports(_scenario(*applications, **more), "tcp") == allowed


def test_what_any_allows() -> None:
    scenario = _scenario({"PROTV4": 6, "DPORT": 23}, {"ANY": []}, app0="block")
    assert ports(scenario, "tcp") == [port for port in range(1, 65536) if port != 23]
    assert echoes(scenario)


def test_echoes_by_their_type_are_not_all() -> None:
    assert not echoes(_scenario({"PROTV4": 1, "LSO-ICMPV4-TYPE": "echo-request"}, {"PROTV4": 1}))
    assert not echoes(_scenario({"PROTV4": 6, "DPORT": 1}))


def test_flows_are_drawn_from_all_that_is_allowed_and_the_named_port() -> None:
    places = Allowed.by(_scenario({"PROTV4": 6, "DPORT": "10-12"}, {"PROTV4": 17, "DPORT": 7}), 9)
    flows = places.draw(Random(1), 100)  # noqa: S311
    assert len({source for _, source, _ in flows}) == 100
    assert {(kind, port) for kind, _, port in flows} == {("udp", 7), ("udp", 9), ("tcp", 10), ("tcp", 11), ("tcp", 12)}
    assert places.draw(Random(2), 1)[0][2] == 9  # noqa: S311
    assert flows == places.draw(Random(1), 100) != places.draw(Random(2), 100)  # noqa: S311
