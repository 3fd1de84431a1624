"""The policy map of an end point, turned into the ordered rules of its firewall.

The policy map that decides about a packet is that of the end point where the packet enters the SWVC (MEF 70). So an
end point's firewall judges packets from its LAN by its own map and packets from its WAN by the map of the site that
they come from. Where all maps agree, as without overrides, one rule serves both directions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

from presto.domain.criteria import matches
from presto.domain.matches import Match, Ports
from presto.domain.model import Application, EndPoint, PolicyAssignment, Swvc
from presto.domain.policies import BLOCK_NAMES

Rule = dict[str, Any]
"""A rule of the firewall's VNF contract."""

# The contract allows 63 characters; four digits may follow.
_LONGEST_NAME = 58
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}


@dataclass(frozen=True)
class Decision:
    """What happens to one flow at the end point where it enters; `policy` is None for a flow without any (R55).

    `entry` is the name in the policy map that gave it: the flow's or its group's; `overridden` says by the end point.
    """

    application: Application
    policy: str | None
    entry: str | None = None
    overridden: bool = False

    @property
    def action(self) -> str:
        """Block, and a flow without a policy, is denied; any other policy forwards."""
        return "deny" if self.policy is None or self.policy in BLOCK_NAMES else "allow"


def decisions(swvc: Swvc, end_point: EndPoint) -> tuple[Decision, ...]:
    """What happens to each flow that enters at an end point, in the order of precedence (R44).

    An override replaces the service's mapping of the same name; a flow's own policy beats its group's (R54).
    """
    policies = {entry.application: entry.policy for entry in (*swvc.mappings, *end_point.overrides)}
    overridden = {entry.application for entry in end_point.overrides}
    return tuple(_decision(flow, policies, overridden) for flow in swvc.applications)


def _decision(flow: Application, policies: Mapping[str, str], overridden: Collection[str]) -> Decision:
    for name in (flow.identifier, flow.group):
        if name is not None and name in policies:
            return Decision(flow, policies[name], name, name in overridden)
    return Decision(flow, None)


@dataclass(frozen=True)
class CompiledRule:
    """A rule of a firewall, the packets that it matches, and the decision that it carries out."""

    decision: Decision
    match: Match
    rule: Rule


def firewall_rules(swvc: Swvc, index: int, prefixes: tuple[IPv4Network, ...]) -> list[Rule]:
    """The rules of end point number `index`, first match wins; `prefixes` are the LANs of all end points.

    A rule has its application's name, `<name>-from-<end point>` where it judges by the map of another end point, and
    a number where one application needs several. What no rule matches is denied by the firewall's default (R45).
    """
    return [compiled.rule for compiled in compiled_rules(swvc, index, prefixes)]


def all_firewall_rules(swvc: Swvc, prefixes: tuple[IPv4Network, ...]) -> list[list[Rule]]:
    """`firewall_rules` of each end point, in the order of the SWVC; those that are equal may be one list."""
    maps = _maps(swvc)
    if _alike(maps):
        return [[compiled.rule for compiled in _named(_rules(maps[0], "both"))]] * len(maps)
    return [[compiled.rule for compiled in _compiled(swvc, index, prefixes, maps)] for index in range(len(maps))]


def compiled_rules(swvc: Swvc, index: int, prefixes: tuple[IPv4Network, ...]) -> list[CompiledRule]:
    """The same rules, with what they come from."""
    return _compiled(swvc, index, prefixes, _maps(swvc))


Maps = Sequence[tuple[Decision, ...]]
"""What happens to each flow, for each end point."""


def _maps(swvc: Swvc) -> Maps:
    """End points with the same overrides have the same map, made once: most have none."""
    known: dict[tuple[PolicyAssignment, ...], tuple[Decision, ...]] = {}
    for end_point in swvc.end_points:
        if end_point.overrides not in known:
            known[end_point.overrides] = decisions(swvc, end_point)
    return [known[end_point.overrides] for end_point in swvc.end_points]


def _alike(maps: Maps) -> bool:
    return len({tuple(_actions(one)) for one in {id(one): one for one in maps}.values()}) < 2


def _compiled(swvc: Swvc, index: int, prefixes: tuple[IPv4Network, ...], maps: Maps) -> list[CompiledRule]:
    own = maps[index]
    if _alike(maps):
        return list(_named(_rules(own, "both")))
    rules = list(_rules(own, "lan-to-wan"))
    for peer, end_point in enumerate(swvc.end_points):
        if peer != index:
            among = Match(source=(prefixes[peer],))
            rules.extend(_rules(maps[peer], "wan-to-lan", among, f"-from-{_slug(end_point.identifier)}"))
    return list(_named(rules))


def _actions(decided: tuple[Decision, ...]) -> list[str]:
    return [decision.action for decision in decided]


def _rules(
    decided: Iterable[Decision], direction: str, among: Match | None = None, origin: str = ""
) -> Iterator[CompiledRule]:
    for decision in decided:
        for match in matches(decision.application):
            narrowed = match & among if among else match
            if not narrowed.empty:
                for single in _by_protocol(narrowed):
                    name = (_slug(decision.application.identifier) + origin)[:_LONGEST_NAME]
                    rule = {"id": name, "action": decision.action, "direction": direction, **_fields(single)}
                    yield CompiledRule(decision, single, rule)


def _by_protocol(match: Match) -> Iterator[Match]:
    """One for each protocol, because a rule names one."""
    if match.protocols is None:
        yield match
    for number in match.protocols or ():
        yield replace(match, protocols=(number,))


def _fields(match: Match) -> Rule:
    """The fields of a rule; those that match anything are left out."""
    fields: Rule = {
        "source": _texts(match.source),
        "destination": _texts(match.destination),
        "source_ports": _texts(match.source_ports),
        "destination_ports": _texts(match.destination_ports),
        "icmp_types": list(match.icmp_types) if match.icmp_types else None,
    }
    protocol = "any" if match.protocols is None else _PROTOCOLS.get(match.protocols[0], str(match.protocols[0]))
    return {"protocol": protocol, **{name: value for name, value in fields.items() if value is not None}}


def _texts(values: tuple[IPv4Network, ...] | tuple[Ports, ...] | None) -> list[str] | None:
    if values is None:
        return None
    texts = (f"{v[0]}-{v[1]}" if v[0] != v[1] else str(v[0]) for v in values if isinstance(v, tuple))
    return list(dict.fromkeys([*texts, *(str(v) for v in values if isinstance(v, IPv4Network))]))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "application"


def _named(rules: Iterable[CompiledRule]) -> Iterator[CompiledRule]:
    rules = list(rules)
    uses = Counter(compiled.rule["id"] for compiled in rules)
    counts: Counter[str] = Counter()
    for compiled in rules:
        name = compiled.rule["id"]
        if uses[name] > 1:
            counts[name] += 1
            while f"{name}-{counts[name]}" in uses:
                counts[name] += 1
            name = f"{name}-{counts[name]}"
        yield replace(compiled, rule={**compiled.rule, "id": name})
