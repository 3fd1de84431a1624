"""Why a packet passes a service or not: from its flow and policy to its path and the firewall rule that decides.

Speaks of the first packet of a connection, as the service is ordered; replies pass with the connection that they
belong to. Nothing is asked of the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from orchestrator.inventory import Inventory, Uni
from presto.domain.compile import site_unis
from presto.domain.criteria import matches
from presto.domain.matches import ICMP, Packet
from presto.domain.model import Application, EndPoint, Swvc
from presto.domain.policies import Encryption, encryption
from presto.domain.rules import CompiledRule, Decision, compiled_rules, decisions
from presto.domain.tunnels import talks
from presto.domain.underlays import carrier, carriers, common_underlays
from presto.domain.wan_ports import wan_port

FIRST_ICMP_TYPES = frozenset({"echo-request", "timestamp-request"})
"""The messages that a stateful firewall takes for the start of a connection (RFC 792 queries)."""


@dataclass(frozen=True)
class Reason:
    """A step of the explanation, with the rule that it follows (`MEF 70 R44`), if there is one."""

    text: str
    rule: str = ""


@dataclass(frozen=True)
class Path:
    """An underlay between two sites, with the gateways' addresses there.

    `suitable` when it meets all policies of the service; the tunnels ride the one that is `used`.
    """

    underlay: str
    near: IPv4Address
    far: IPv4Address
    suitable: bool
    used: bool


@dataclass(frozen=True)
class Explanation:
    """What becomes of a packet; `ingress_rule` and `egress_rule` name what decides in the firewalls of both sites.

    `decision` is None for a packet of no flow, `egress` where its destination is in no other site.
    """

    allowed: bool
    decision: Decision | None
    egress: EndPoint | None
    encryption: Encryption
    paths: tuple[Path, ...]
    ingress_rule: str
    egress_rule: str | None
    reasons: tuple[Reason, ...]


DEFAULT_RULE = "default"
"""What a firewall does with packets that no rule matches: it drops them."""


def explain(swvc: Swvc, inventory: Inventory, index: int, packet: Packet) -> Explanation:
    """What becomes of a packet that enters at end point number `index`. Raises Rejected when a UNI is gone."""
    unis = site_unis(swvc, inventory)
    prefixes = tuple(uni.prefix for uni in unis)
    decision = _decision(swvc, index, packet)
    ingress = _first(compiled_rules(swvc, index, prefixes), packet, "lan-to-wan")
    far = next((n for n, uni in enumerate(unis) if n != index and packet.destination in uni.prefix), None)
    egress = None if far is None else _first(compiled_rules(swvc, far, prefixes), packet, "wan-to-lan")
    ucpes = [uni.ucpe for uni in unis]
    used = carrier(swvc, inventory, ucpes)
    encrypts = encryption(swvc.policies, private=used is not None and inventory.underlay(used).type == "private")
    obstacles = tuple(_obstacles(swvc, unis, index, far, packet))
    return Explanation(
        allowed=not obstacles and decision is not None and decision.action == "allow",
        decision=decision,
        egress=None if far is None else swvc.end_points[far],
        encryption=encrypts,
        paths=() if far is None else tuple(_paths(swvc, inventory, ucpes, index, far)),
        ingress_rule=str(ingress.rule["id"]) if ingress else DEFAULT_RULE,
        egress_rule=None if far is None else str(egress.rule["id"]) if egress else DEFAULT_RULE,
        reasons=(*flow_reasons(decision), *obstacles, _encryption_reason(encrypts)),
    )


def flow_reasons(decision: Decision | None) -> tuple[Reason, ...]:
    """How a packet came to its flow, and the flow to its policy."""
    if decision is None:
        return (Reason("No application flow matches, so the packet is discarded", "MEF 70 R45"),)
    flow = decision.application
    matched = Reason(f'It satisfies all criteria of application "{flow.identifier}"', "MEF 70 R43")
    order = Reason("No application before it in the list matches", "MEF 70 R44")
    return matched, order, policy_reason(decision)


def policy_reason(decision: Decision) -> Reason:
    """How a flow came to its policy, or why it is blocked without one."""
    flow = decision.application
    if decision.policy is None:
        return Reason(f'Application "{flow.identifier}" has no policy, so it is blocked', "MEF 70 R55")
    origin = "an override of the end point" if decision.overridden else "the service's policy map"
    if decision.entry == flow.identifier:
        instead = f', not the one of its group "{flow.group}"' if flow.group else ""
        return Reason(f'Policy "{decision.policy}" is its own by {origin}{instead}', "MEF 70 R54")
    return Reason(f'Policy "{decision.policy}" is that of its group "{flow.group}" by {origin}', "MEF 70 R54")


def _decision(swvc: Swvc, index: int, packet: Packet) -> Decision | None:
    """The first flow of the list that the packet belongs to, and what its ingress end point's policy map says."""
    found = (one for one in decisions(swvc, swvc.end_points[index]) if _belongs(packet, one.application))
    return next(found, None)


def _belongs(packet: Packet, flow: Application) -> bool:
    return any(match.holds(packet) for match in matches(flow))


def _first(rules: list[CompiledRule], packet: Packet, direction: str) -> CompiledRule | None:
    """The rule that decides: the first that matches (the firewall's contract)."""
    found = (rule for rule in rules if rule.rule["direction"] in {direction, "both"} and rule.match.holds(packet))
    return next(found, None)


def _obstacles(swvc: Swvc, unis: tuple[Uni, ...], index: int, far: int | None, packet: Packet) -> list[Reason]:
    """What stops the packet whatever its policy says."""
    found = []
    if swvc.locked:
        found.append(Reason("The service is administratively locked, so nothing of it is on the network"))
    if packet.source not in unis[index].prefix:
        found.append(Reason(f"{packet.source} is not in LAN {unis[index].prefix}, and the tunnels carry nothing else"))
    if packet.destination in unis[index].prefix:
        found.append(Reason(f"{packet.destination} is in the LAN that the packet comes from"))
    elif far is None:
        found.append(Reason(f"{packet.destination} is in no LAN of the service, and there is no Internet breakout"))
    elif not talks(swvc.end_points[index], swvc.end_points[far]):
        found.append(Reason("Leaves do not talk to each other in a rooted service"))
    if packet.protocol == ICMP and packet.icmp_type not in FIRST_ICMP_TYPES:
        found.append(Reason(f"An ICMP {packet.icmp_type} passes with the connection that it answers to, not by itself"))
    return found


def _paths(swvc: Swvc, inventory: Inventory, ucpes: list[str], near: int, far: int) -> Iterator[Path]:
    suitable, used = carriers(swvc, inventory, ucpes), carrier(swvc, inventory, ucpes)
    for name in common_underlays(inventory, [ucpes[near], ucpes[far]]):
        ports = (wan_port(swvc, inventory, ucpes[place], name) for place in (near, far))
        own, other = (IPv4Interface(port.address).ip for port in ports)
        yield Path(name, own, other, name in suitable, name == used)


def _encryption_reason(encrypts: Encryption) -> Reason:
    if encrypts == "required":
        return Reason("The tunnels encrypt, because not every policy leaves that open", "MEF 70 ENCRYPTION")
    return Reason("The tunnels protect integrity only, because every policy leaves that open", "MEF 70 ENCRYPTION")
