"""What is explained is what the firewalls do: random packets through random services, and the reasons case by case."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from orchestrator.inventory import Inventory
from presto.domain.check import Surroundings, check
from presto.domain.criteria import ICMP_TYPES
from presto.domain.explain import DEFAULT_RULE, FIRST_ICMP_TYPES, explain
from presto.domain.matches import ICMP, TCP, UDP, Packet
from presto.domain.model import Application, Criterion, EndPoint, Policy, PolicyAssignment, Swvc
from presto.domain.rules import firewall_rules

PORTS = [0, 22, 80, 443, 1024, 65535]
NUMBERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}


def firewall(rules: list[dict[str, Any]], packet: Packet, direction: str) -> tuple[str, str]:
    """The rule that decides and what it does, read as the VNF contract says: the first match, else deny."""
    for rule in rules:
        if rule["direction"] in {direction, "both"} and matches(rule, packet):
            return rule["id"], rule["action"]
    return DEFAULT_RULE, "deny"


def matches(rule: dict[str, Any], packet: Packet) -> bool:
    protocol = rule["protocol"]
    return (
        (protocol == "any" or packet.protocol == NUMBERS.get(protocol, None if protocol in NUMBERS else int(protocol)))
        and inside(packet.source, rule.get("source"))
        and inside(packet.destination, rule.get("destination"))
        and in_ports(packet.source_port, rule.get("source_ports"))
        and in_ports(packet.destination_port, rule.get("destination_ports"))
        and ("icmp_types" not in rule or packet.icmp_type in rule["icmp_types"])
    )


def inside(address: IPv4Address, prefixes: list[str] | None) -> bool:
    return prefixes is None or any(address in IPv4Network(prefix) for prefix in prefixes)


def in_ports(port: int | None, ranges: list[str] | None) -> bool:
    if ranges is None:
        return True
    ends = ([int(end) for end in text.split("-")] for text in ranges)
    return port is not None and any(low[0] <= port <= low[-1] for low in ends)


class Dice:
    """Random services and packets that have something to do with each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # the same cases at each run

    def swvc(self) -> Swvc:
        """One that could be ordered."""
        flows = [self._flow(number) for number in range(self.random.randint(0, 5))]
        flows = [flow for flow in flows if flow.criteria]
        groups = sorted({flow.group for flow in flows if flow.group})
        names = [flow.identifier for flow in flows] + groups
        ends = tuple(
            EndPoint(f"end {n}", f"0000000{n}-0000-4000-8000-000000000000", overrides=self._map(names, 0.2))
            for n in (1, 2, 3)
        )
        policy = Policy("secure", (Criterion("ENCRYPTION", (self.random.choice(["Yes", "Either"]),)),))
        return Swvc(
            "acme", "multipoint", ends, applications=tuple(flows), policies=(policy,), mappings=self._map(names, 0.7)
        )

    def _map(self, names: list[str], share: float) -> tuple[PolicyAssignment, ...]:
        chosen = [name for name in names if self.random.random() < share]
        return tuple(PolicyAssignment(name, self.random.choice(["secure", "secure", "block"])) for name in chosen)

    def _flow(self, number: int) -> Application:
        group = self.random.choice([None, None, "office", "guests"])
        wanted = self.random.sample(["SAV4", "DAV4", "SDAV4", "SDPORT", "DPORT", "PROTV4", "LSO-ICMPV4-TYPE", "ANY"], 2)
        return Application(f"flow {number}", group, tuple(Criterion(name, self._values(name)) for name in wanted))

    def _values(self, name: str) -> tuple[str, ...]:
        if name == "ANY":
            return ()
        if name == "PROTV4":
            return (self.random.choice(["tcp", "udp", "icmp", "47"]),)
        if name == "LSO-ICMPV4-TYPE":
            return tuple(self.random.sample(ICMP_TYPES, 2))
        if name.endswith("PORT"):
            low, high = sorted(self.random.sample(PORTS, 2))
            return (f"{low}-{high}", str(self.random.choice(PORTS)))
        return tuple({self.random.choice(["10.1.0.0/24", "10.2.0.0/25", "10.3.0.7/32", "10.0.0.0/8"]) for _ in "ab"})

    def packet(self) -> Packet:
        """Mostly from LAN to LAN, now and then from or to somewhere else."""
        protocol = self.random.choice([TCP, TCP, UDP, ICMP, 47])
        ported = protocol in {TCP, UDP}
        return Packet(
            self._address(),
            self._address(),
            protocol,
            self.random.choice(PORTS) if ported else None,
            self.random.choice(PORTS) if ported else None,
            self.random.choice(ICMP_TYPES) if protocol == ICMP else None,
        )

    def _address(self) -> IPv4Address:
        return IPv4Address(f"10.{self.random.randint(1, 4)}.0.{self.random.choice([7, 10, 200])}")


@pytest.mark.parametrize("seed", range(20))
def test_the_verdict_is_what_the_firewalls_decide(inventory: Inventory, seed: int) -> None:
    dice = Dice(seed)
    swvc = dice.swvc()
    prefixes = tuple(IPv4Network(f"10.{n}.0.0/24") for n in (1, 2, 3))
    rules = [firewall_rules(swvc, index, prefixes) for index in range(3)]
    wrong = [f for f in check(swvc, Surroundings(inventory)) if not f.message.startswith("No packet can satisfy")]
    assert wrong == [], "the dice make services that can be ordered"
    for _ in range(80):
        packet, index = dice.packet(), dice.random.randrange(3)
        found = explain(swvc, inventory, index, packet)
        near = firewall(rules[index], packet, "lan-to-wan")
        far = next((n for n, prefix in enumerate(prefixes) if packet.destination in prefix and n != index), None)
        assert found.ingress_rule == near[0], packet
        passes = near[1] == "allow" and far is not None and packet.source in prefixes[index]
        if far is not None:
            there = firewall(rules[far], packet, "wan-to-lan")
            assert found.egress_rule == there[0], packet
            passes = passes and there[1] == "allow"
        starts = packet.protocol != ICMP or packet.icmp_type in FIRST_ICMP_TYPES
        assert found.allowed == (passes and starts), (packet, found)
        verdict = found.decision.action if found.decision else "deny"
        assert verdict == near[1], "the model and its compilation agree at the end point where the packet enters"


def test_the_dice_fall_on_all_sides(inventory: Inventory) -> None:
    """Otherwise the property would hold for nothing."""
    seen = set()
    for seed in range(20):
        dice = Dice(seed)
        swvc = dice.swvc()
        for _ in range(50):
            found = explain(swvc, inventory, 0, dice.packet())
            seen |= {(found.allowed, reason.rule) for reason in found.reasons}
    rules = {"MEF 70 R43", "MEF 70 R44", "MEF 70 R45", "MEF 70 R54", "MEF 70 R55"}
    assert {rule for allowed, rule in seen if not allowed} >= rules
    assert {rule for allowed, rule in seen if allowed} >= {"MEF 70 R43", "MEF 70 R54"}
