"""The way through a site's chain: ports by their places, whatever they are called, and losses that are declared."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from pathlib import Path

import pytest

from scenarios.file.format import Scenario
from scenarios.load import load
from scenarios.network import tunnels
from scenarios.network.chain import joined, joints, shared_ports, wan_port, way
from scenarios.network.losses import CERTAINTY, most_lost
from testbed.ucpe_view import Port
from testbed.ucpe_view.flows import FlowEntry, parse_flows

SERVICE = "8b0f0f6e-5d5c-4f0b-9a52-6f6d0c0e7a51"
FOREIGN = "00000000-5d5c-4f0b-9a52-6f6d0c0e7a51"
ODD = Path(__file__).parents[3] / "e2e" / "scenarios" / "branch-web.yaml"


def ports(*vnfs: tuple[str, str]) -> list[Port]:
    """The switch's ports of VNFs, each a kind and a name, from LAN to WAN."""
    return [
        Port(
            name=f"{name}-{role}",
            type="internal",
            number=number,
            mac="",
            mtu_request=None,
            external_ids={
                "lso:service": SERVICE, "lso:kind": kind, "lso:vnf": name, "lso:role": role, "lso:position": str(number)
            },
            options={},
            error="",
        )
        for number, (kind, name) in enumerate(vnfs)
        for role in ("lan", "wan")
    ]  # fmt: skip


def rules(*pairs: tuple[str, str], service: str = SERVICE) -> list[FlowEntry]:
    lines = (f'cookie=0x{service[:8]}00000001, in_port="{here}" actions=output:"{there}"' for here, there in pairs)
    return parse_flows("\n".join(lines))


CHAINS = {
    "the PoC's": (
        [("firewall", "firewall"), ("statistics", "statistics"), ("ipsec", "ipsec")],
        ["lan0", "firewall lan", "firewall wan", "statistics lan", "statistics wan", "ipsec lan", "ipsec wan", "up0"],
        ["ipsec wan", "up0"],
    ),
    "two of one kind": (
        [("firewall", "inner"), ("firewall", "outer"), ("ipsec", "gateway")],
        [
            "lan0", "firewall 1 lan", "firewall 1 wan", "firewall 2 lan", "firewall 2 wan",
            "ipsec lan", "ipsec wan", "up0",
        ],
        ["ipsec wan", "up0"],
    ),
    "no gateway": ([("firewall", "fw")], ["lan0", "firewall lan", "firewall wan", "up0"], []),
    "behind the gateway": (
        [("ipsec", "gw"), ("statistics", "meter")],
        ["lan0", "ipsec lan", "ipsec wan", "statistics lan", "statistics wan", "up0"],
        ["ipsec wan", "statistics lan", "statistics wan", "up0"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_ways_by_place(name: str) -> None:
    vnfs, labels, hidden = CHAINS[name]
    hops = way(ports(*vnfs), [kind for kind, _ in vnfs], "up0")
    assert [hop.label for hop in hops] == labels
    assert [hop.label for hop in hops if not hop.clear] == hidden
    assert [hop.port for hop in hops[1:-1]] == [f"{vnf}-{role}" for _, vnf in vnfs for role in ("lan", "wan")]
    assert [hop.vnf for hop in hops[1:-1:2]] == [vnf for _, vnf in vnfs]
    flows = rules(*((here.port, there.port) for here, there in joints(hops)))
    assert all(joined(flows, here, there, SERVICE) for here, there in joints(hops))
    assert not any(joined(flows, here, there, FOREIGN) for here, there in joints(hops))


def test_a_vnf_of_another_kind_in_its_place_is_missing() -> None:
    hops = way(ports(("statistics", "s"), ("firewall", "f")), ["firewall", "statistics"], "wan0")
    assert [hop.port for hop in hops] == ["lan0", "", "", "", "", "wan0"]


@pytest.fixture
def odd() -> Scenario:
    return load(ODD).scenario


def test_the_wan_port_is_the_one_that_reaches_all_sites(odd: Scenario) -> None:
    assert shared_ports(odd, "branch") == {"uplink": "internet"}
    assert wan_port(odd, "branch", [], SERVICE) == "uplink"
    assert wan_port(odd, "office", [], SERVICE) == "gro0"
    foreign = rules(("wan1", "x"), service=FOREIGN)
    assert wan_port(odd, "branch", [*foreign, *rules(("uplink", "x"))], SERVICE) == "uplink"


def test_the_services_own_rules_tell_which_of_several_it_is(odd: Scenario) -> None:
    alone = odd.service.model_copy(update={"endpoints": odd.service.endpoints[:1]})
    one_site = odd.model_copy(update={"service": alone})
    for port in ("wan1", "uplink"):
        assert wan_port(one_site, "branch", rules((port, "x")), SERVICE) == port


@pytest.mark.parametrize(("packets", "percent"), [(10, 1), (200, 1), (1000, 1), (1000, 0.1), (20, 30), (1, 50)])
def test_losses_that_chance_allows(packets: int, percent: float) -> None:
    share, allowed = Fraction(str(percent)) / 100, most_lost(packets, percent)

    def beyond(lost: int) -> Fraction:
        ways = (comb(packets, n) * share**n * (1 - share) ** (packets - n) for n in range(lost + 1, packets + 1))
        return sum(ways, Fraction(0))

    assert beyond(allowed) <= CERTAINTY or allowed == packets - 1
    assert allowed == 0 or beyond(allowed - 1) > CERTAINTY


@pytest.mark.parametrize(("percent", "lost"), [(0, 0), (100, 10)])
def test_losses_that_are_certain(percent: float, lost: int) -> None:
    assert most_lost(10, percent) == lost


def test_the_losses_of_many_packets_lie_near_their_mean() -> None:
    assert 1000 < most_lost(100_000, 1) < 1200


@pytest.mark.parametrize(
    ("delay", "jitter", "asked"), [(0, 0, True), (300, 0, True), (449, 0, True), (450, 0, False), (300, 160, False)]
)
def test_echoes_are_asked_for_where_they_can_come_back_in_time(
    odd: Scenario, delay: float, jitter: float, asked: bool
) -> None:
    internet = odd.topology.underlays["internet"].model_copy(update={"delay_ms": delay, "jitter_ms": jitter})
    underlays = {**odd.topology.underlays, "internet": internet}
    scenario = odd.model_copy(update={"topology": odd.topology.model_copy(update={"underlays": underlays})})
    assert tunnels.may_answer(scenario, "branch", "office") is asked
