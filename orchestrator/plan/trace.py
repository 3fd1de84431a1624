"""Follow a packet through a site's rules and VNFs, without sending it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from orchestrator.plan.model import SitePlan


class Rule(Protocol):
    """What a planned and an observed flow have in common."""

    @property
    def priority(self) -> int: ...
    @property
    def in_port(self) -> str: ...
    @property
    def output(self) -> str: ...


class Port(Protocol):
    """What a planned and an observed port of a VNF have in common."""

    @property
    def name(self) -> str: ...
    @property
    def vnf(self) -> str: ...


def trace(plan: SitePlan, in_port: str, rules: Iterable[Rule] | None = None) -> tuple[str, ...]:
    """The ports that a packet entering the bridge by *in_port* passes, in order, until it leaves or is dropped.

    A packet that the switch hands to a VNF comes back by the VNF's other port. *rules* are the plan's flows unless
    others (observed ones) are given. Ends at the first port it meets twice: then the rules make a loop.
    """
    return follow(plan.ports, plan.flows if rules is None else rules, in_port)


def follow(ports: Iterable[Port], rules: Iterable[Rule], in_port: str) -> tuple[str, ...]:
    """As `trace`, for any ports and rules, planned or observed."""
    through = _through(ports)
    ordered = sorted(rules, key=lambda rule: rule.priority)
    table = {rule.in_port: rule.output for rule in ordered}
    path = [in_port]
    while (output := table.get(path[-1])) is not None:
        path.append(output)
        if path.count(output) > 1 or output not in through:
            break
        path.append(through[output])
    return tuple(path)


def _through(ports: Iterable[Port]) -> dict[str, str]:
    """Each VNF port's opposite; a VNF of which one port is missing passes nothing on."""
    by_vnf: dict[str, list[str]] = {}
    for port in ports:
        by_vnf.setdefault(port.vnf, []).append(port.name)
    pairs = [names for names in by_vnf.values() if len(names) == 2]
    return {near: far for lan, wan in pairs for near, far in ((lan, wan), (wan, lan))}
