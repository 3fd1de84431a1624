"""What application flows say of protocols and ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.file.format import Application, Scenario
from scenarios.load import load
from scenarios.network.flows import EVERY_PORT, may_pass, one_way_ports, open_ports, source_ports
from testbed.packets import Kind

POC = load(Path(__file__).parents[4] / "scenarios" / "poc-two-sites").scenario


def with_flow(mapping: str, **criteria: Any) -> Scenario:
    """Return the PoC's scenario with one more flow."""
    flow = Application(id="more", criteria=criteria)
    service = POC.service.model_copy(
        update={
            "applications": [*POC.service.applications, flow],
            "mappings": {**POC.service.mappings, "more": mapping},
        }
    )
    return POC.model_copy(update={"service": service})


def test_open_ports_are_those_of_flows_that_are_not_blocked() -> None:
    assert open_ports(POC, "tcp") == [80, 5201]
    assert open_ports(POC, "udp") == [5201, 9000]
    assert open_ports(POC, "icmp") == []


@pytest.mark.parametrize(
    ("protocol", "port", "may"),
    [("tcp", 80, True), ("tcp", 23, False), ("tcp", 5250, True), ("udp", 80, False), ("icmp", 8, True)],
)
def test_what_may_pass(protocol: Kind, port: int, may: bool) -> None:
    assert may_pass(POC, protocol, port) is may


def test_a_flow_without_ports_or_protocol_may_be_anything() -> None:
    assert may_pass(with_flow("business", PROTV4=6), "tcp", 23)
    assert not may_pass(with_flow("business", PROTV4=6), "udp", 23)
    assert may_pass(with_flow("business", SAV4="10.1.0.0/24"), "udp", 23)
    assert may_pass(with_flow("business", PROTV4=["udp", 6], DPORT=["22-24", 99]), "udp", 23)
    assert not may_pass(with_flow("block", PROTV4=6), "tcp", 23)


def test_the_source_ports_of_a_flow() -> None:
    assert source_ports(POC, "web") == source_ports(POC, "default") == [EVERY_PORT]
    assert source_ports(with_flow("block", PROTV4=6, SPORT=["7", "10-12"]), "more") == [range(7, 8), range(10, 13)]


@pytest.mark.parametrize(
    ("scenario", "protocol", "port", "within", "without"),
    [
        (POC, "udp", 9001, {1024, 5200, 5300, 65535}, {0, 1023, 5201, 9000, 9099}),
        (POC, "tcp", 80, {1024, 9000}, {80, 5201, 5299}),
        (with_flow("business", PROTV4=17, DPORT=7, SPORT=["70-80", "9010"]), "udp", 7, {70, 80}, {69, 81, 1024, 9010}),
    ],
)
def test_ports_to_which_packets_pass_by_a_state_alone(
    scenario: Scenario, protocol: Kind, port: int, within: set[int], without: set[int]
) -> None:
    found = set(one_way_ports(scenario, protocol, port))
    assert found >= within
    assert found.isdisjoint(without)


@pytest.mark.parametrize(
    ("scenario", "port"),
    [
        (POC, 7777),
        (POC, 23),
        (with_flow("block", PROTV4=6, DPORT=7), 7),
        (with_flow("business", PROTV4=6), 80),
        (with_flow("business", PROTV4=6, DPORT="1024-65535"), 80),
    ],
    ids=["of no flow", "blocked", "blocked by the last flow", "every port passes", "every source port passes"],
)
def test_no_port_to_which_packets_pass_by_a_state_alone(scenario: Scenario, port: int) -> None:
    assert one_way_ports(scenario, "tcp", port) == []
