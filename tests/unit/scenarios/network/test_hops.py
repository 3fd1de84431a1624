"""What follows from digests at two ports of a chain, and at the gateways of two sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.model import Verdict
from scenarios.network.chain import Hop
from scenarios.network.digests import CAME, LEFT, Digest, Flow, parse, since
from scenarios.network.hops import at_a_hop, beyond_routers, differing, ways
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY

CASE = Path(__file__).parents[1] / "evidence" / "chain.conserved" / "passed" / FILE_NAME
ECHO = Flow("0800", 0, 1, "10.1.0.10", 0, "10.2.0.10", 0)
WEB = Flow("0800", 0, 6, "10.1.0.10", 4000, "10.2.0.10", 80)
HOPS = [
    Hop("lan0", "lan0", clear=True),
    Hop("f-l", "firewall lan", clear=True, vnf="firewall"),
    Hop("f-w", "firewall wan", clear=True, vnf="firewall"),
    Hop("g-l", "ipsec lan", clear=True, vnf="ipsec"),
    Hop("g-w", "ipsec wan", clear=False, vnf="ipsec"),
    Hop("wan0", "wan0", clear=False),
]
LINE = "lan0 rx 0800 0 1 10.1.0.10 0 10.2.0.10 0 {} 0 0 {:016x} {:016x}\n"


def some(packets: int = 4, segments: int = 0, octets: int = 0, same: int = 7, hop: int = 8) -> Digest:
    return Digest(packets, segments, octets, same, hop)


@pytest.mark.parametrize(
    ("came", "hop", "tunnel"),
    [
        (some(), "", ""),
        (some(hop=9), "4 packets, and not those that went in", ""),
        (some(same=9), "4 packets, and not those that went in", "4 packets, and not those that went in"),
        (some(packets=3, same=9), "", ""),
        (some(packets=5), "5 packets, of 4 packets", "5 packets, of 4 packets"),
        (some(segments=2, octets=9), *["4 packets and 2 segments with 9 octets, of 4 packets"] * 2),
        (some(segments=1), "4 packets and 1 segment with 0 octets, of 4 packets", ""),
    ],
    ids=["equal", "routed", "changed", "fewer", "more", "more data", "cut anew"],
)
def test_as_many_packets_are_the_same(came: Digest, hop: str, tunnel: str) -> None:
    name = "ICMP 10.1.0.10 → 10.2.0.10"
    for look, told in ((at_a_hop, hop), (beyond_routers, tunnel)):
        assert list(differing({ECHO: some()}, {ECHO: came}, look)) == ([f"{name}: {told}"] if told else [])


def test_a_flow_that_nobody_sent() -> None:
    (found,) = differing({ECHO: some()}, {ECHO: some(), WEB: some(1)}, at_a_hop)
    assert found == "TCP 10.1.0.10:4000 → 10.2.0.10:80: 1 packet, of 0 packets"


def test_what_verbs_put_on_a_port_may_be_more() -> None:
    came = {ECHO: some(), WEB: some(2)}
    assert not list(differing({ECHO: some()}, came, at_a_hop, more=2))
    assert list(differing({ECHO: some()}, came, at_a_hop, more=1))


def test_flows_that_are_gone_are_the_counters_affair() -> None:
    assert not list(differing({ECHO: some(), WEB: some()}, {ECHO: some()}, at_a_hop))


def test_what_passed_between_two_moments() -> None:
    before, now = LINE.format(3, 5, 9), LINE.format(4, 2, 9)
    assert since(before, now) == LINE.format(1, (1 << 64) - 3, 0)
    assert since(now, now) == ""
    assert since("", now) == now


def test_a_port_that_was_made_anew_has_its_name_twice() -> None:
    assert parse(LINE.format(3, 1, 2) + LINE.format(1, (1 << 64) - 1, 3)) == {
        ("lan0", "rx"): {ECHO: Digest(4, 0, 0, 0, 5)}
    }


def test_both_ways_of_a_chain_in_the_clear() -> None:
    there, back = ([(hop.label, direction) for hop, direction in way] for way in ways(HOPS))
    assert there == [("lan0", CAME), ("firewall lan", CAME), ("firewall wan", LEFT), ("ipsec lan", CAME)]
    assert back == [("ipsec lan", LEFT), ("firewall wan", CAME), ("firewall lan", LEFT), ("lan0", LEFT)]


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        (WEB, "TCP 10.1.0.10:4000 → 10.2.0.10:80"),
        (WEB._replace(tag=0x81000007), "TCP 10.1.0.10:4000 → 10.2.0.10:80 in VLAN 7"),
        (WEB._replace(protocol=255), "fragments 10.1.0.10:4000 → 10.2.0.10:80"),
        (WEB._replace(protocol=50, source_port=0, destination_port=0), "IPv4 protocol 50 10.1.0.10 → 10.2.0.10"),
        (WEB._replace(type="0806", protocol=0), "ARP"),
        (WEB._replace(type="88b5", protocol=0), "EtherType 88b5"),
    ],
)
def test_names_of_flows(flow: Flow, name: str) -> None:
    assert str(flow) == name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda digests: "", "site-a: lan0: 0 of "),
        (lambda digests: digests + "- - lost 0 0 - 0 - 0 3 0 0 0 0\n", "site-a: 3 frames lost"),
        (lambda digests: digests + "- - lost 0 0 - 0 - 0 0 1000 0 0 0\n", "site-a: 1,000 frames without room"),
    ],
    ids=["nothing", "lost", "too many flows"],
)
def test_what_was_not_digested_is_no_proof(change: Callable[[str], str], told: str) -> None:
    verb, observation = read(CASE, REGISTRY)
    evidence: Any = observation.evidence
    without = tuple(site.model_copy(update={"digests": change(site.digests)}) for site in evidence.sites)
    judged = judge(verb, observation.model_copy(update={"evidence": evidence.model_copy(update={"sites": without})}))
    assert judged.verdict is Verdict.ERROR
    assert judged.message.startswith("NotDigested: not all was digested: ")
    assert told in judged.message


@pytest.mark.parametrize("others", [1, 100])
def test_a_vnf_may_not_hand_on_packets_as_those_of_an_underlay(others: int) -> None:
    """These are in no digest, for gateways make them."""
    verb, observation = read(CASE, REGISTRY)
    evidence: Any = observation.evidence
    site, *far = evidence.sites
    before, now = site.before.switch.ports, site.now.switch.ports
    rose = {name: count - before[name] for name, count in now.items()}  # as if the ports had come up since the order
    port = site.hops[2].port
    line = next(line for line in site.digests.splitlines() if line.startswith(f"{port} {LEFT} all "))
    number = line.split()[9]
    less = site.digests.replace(line, line.replace(f" {number} ", f" {int(number) - others} "))
    new = {"digests": less, "before": with_ports(site.before, {}), "now": with_ports(site.now, rose)}
    sites = (site.model_copy(update=new), *far)
    judged = judge(verb, observation.model_copy(update={"evidence": evidence.model_copy(update={"sites": sites})}))
    (failed,) = (check for check in judged.checks if check.verdict is Verdict.FAILED)
    assert failed.name.startswith("site-a: firewall: flows that came from firewall wan otherwise")
    assert str(failed.measured).endswith("between addresses of an underlay")


def with_ports(count: Any, ports: dict[str, Any]) -> Any:
    return count.model_copy(update={"switch": replace(count.switch, ports=ports)})
