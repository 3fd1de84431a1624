"""The way from one plan to another: what to create, reconfigure, keep and remove, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from orchestrator.model import Action, Change, Subject
from orchestrator.plan.compare import Verdict, compare_containers, compare_flows, compare_networks, compare_ports
from orchestrator.plan.model import ContainerPlan, Flow, NetworkPlan, PortPlan, SitePlan

T = TypeVar("T", PortPlan, NetworkPlan, ContainerPlan, Flow)


@dataclass(frozen=True, slots=True)
class Difference(Generic[T]):
    """The objects of one class, by what happens to them.

    One that must be made anew is in `remove` as it was and in `create` as it will be, under the same name.
    `reconfigure` holds pairs: before and after.
    """

    create: tuple[T, ...] = ()
    reconfigure: tuple[tuple[T, T], ...] = ()
    keep: tuple[T, ...] = ()
    remove: tuple[T, ...] = ()

    @property
    def empty(self) -> bool:
        """True when nothing has to be done."""
        return not (self.create or self.reconfigure or self.remove)


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences by class, the same in words (`lines`), and the plan that holds afterwards.

    `after` is the desired plan except that rules which stay keep the cookie they have: adding them again would
    reset their counters. It is None when the service leaves the uCPE.
    """

    ports: Difference[PortPlan]
    networks: Difference[NetworkPlan]
    containers: Difference[ContainerPlan]
    flows: Difference[Flow]
    lines: tuple[Change, ...]
    after: SitePlan | None

    @property
    def empty(self) -> bool:
        """True when nothing has to be done on the uCPE."""
        return self.ports.empty and self.networks.empty and self.containers.empty and self.flows.empty


def diff(current: SitePlan | None, desired: SitePlan | None) -> Changes:
    """Compare what a uCPE has of a service with what it should have; None is nothing at all."""
    old, new = current or _NOTHING, desired or _NOTHING
    walk = _Walk(
        appears="new service" if current is None else "new in the chain",
        leaves="service removed" if desired is None else "no longer in the chain",
    )
    ports = walk.compare(Subject.PORT, old.ports, new.ports, compare_ports)
    networks = walk.compare(Subject.NETWORK, old.networks, new.networks, compare_networks)
    renewed = frozenset(network.name for network in networks.create)
    containers = walk.compare(
        Subject.CONTAINER, old.containers, new.containers, lambda a, b: compare_containers(a, b, renewed)
    )
    flows = walk.compare(Subject.FLOW, old.flows, new.flows, compare_flows)
    kept = {(flow.priority, flow.in_port): flow for flow in flows.keep}
    after = desired and replace(
        desired, flows=tuple(kept.get((flow.priority, flow.in_port), flow) for flow in desired.flows)
    )
    return Changes(ports, networks, containers, flows, tuple(walk.lines), after)


class _Walk:
    """Compares class by class and writes down each decision."""

    def __init__(self, *, appears: str, leaves: str) -> None:
        self._appears = Verdict(Action.CREATE, appears)
        self._leaves = Verdict(Action.REMOVE, leaves)
        self.lines: list[Change] = []

    def compare(
        self, subject: Subject, old: Sequence[T], new: Sequence[T], judge: Callable[[T, T], Verdict]
    ) -> Difference[T]:
        """Pair *old* and *new* by key; *judge* says how one that is in both gets from old to new."""
        before, wanted = {_key(item): item for item in old}, {_key(item): item for item in new}
        verdicts = {key: judge(before[key], item) for key, item in wanted.items() if key in before}
        renewed = {key for key, verdict in verdicts.items() if verdict.action is Action.REMOVE}
        for key, item in (before | wanted).items():
            self._note(subject, item, verdicts.get(key) or (self._appears if key in wanted else self._leaves))
            if key in renewed:
                self._note(subject, item, Verdict(Action.CREATE, verdicts[key].reason))
        return Difference(
            create=tuple(item for key, item in wanted.items() if key not in before or key in renewed),
            reconfigure=tuple((before[key], wanted[key]) for key in _with(verdicts, Action.RECONFIGURE)),
            keep=tuple(before[key] for key in _with(verdicts, Action.KEEP)),
            remove=tuple(item for key, item in before.items() if key not in wanted or key in renewed),
        )

    def _note(self, subject: Subject, item: T, verdict: Verdict) -> None:
        name = f"{item.in_port} -> {item.output}" if isinstance(item, Flow) else item.name
        self.lines.append(Change(verdict.action, subject, name, verdict.reason))


def _key(item: PortPlan | NetworkPlan | ContainerPlan | Flow) -> Hashable:
    """What makes two objects the same one; rules are told apart as the switch does, by priority and match."""
    return (item.priority, item.in_port) if isinstance(item, Flow) else item.name


def _with(verdicts: dict[Hashable, Verdict], action: Action) -> list[Hashable]:
    return [key for key, verdict in verdicts.items() if verdict.action is action]


_NOTHING = SitePlan("", 0, "", "", "", "", (), (), (), ())
