"""Judge one object that exists against the one that is wanted in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.model import Action
from orchestrator.plan.model import ContainerPlan, Flow, NetworkPlan, PortPlan

_POSITION = "lso.position"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an object that exists becomes the wanted one. REMOVE: only by removing it and creating it anew."""

    action: Action
    reason: str


_KEEP = Verdict(Action.KEEP, "as it should be")


def compare_ports(old: PortPlan, new: PortPlan) -> Verdict:
    """Everything about a port can be changed in place."""
    reasons = [f"MTU {old.mtu} -> {new.mtu}"] if old.mtu != new.mtu else []
    reasons += _mapping_changes("", old.external_ids, new.external_ids)
    return _verdict(Action.RECONFIGURE, reasons)


def compare_networks(old: NetworkPlan, new: NetworkPlan) -> Verdict:
    """Docker changes nothing about a network."""
    reasons = [
        f"{name} {before} -> {after}"
        for name, before, after in (
            ("parent", old.parent, new.parent),
            ("subnet", old.subnet, new.subnet),
            ("gateway", old.gateway, new.gateway),
        )
        if before != after
    ]
    return _verdict(Action.REMOVE, [*reasons, *_label_changes(old.labels, new.labels)])


def compare_containers(old: ContainerPlan, new: ContainerPlan, renewed_networks: frozenset[str]) -> Verdict:
    """A VNF takes a new intent while it runs; all else needs a new container."""
    reasons = [f"image {old.image} -> {new.image}"] if old.image != new.image else []
    reasons += [
        f"{name} differ"
        for name, before, after in (
            ("capabilities", old.capabilities, new.capabilities),
            ("devices", old.devices, new.devices),
            ("sysctls", dict(old.sysctls), dict(new.sysctls)),
            ("attachments", old.attachments, new.attachments),
        )
        if before != after
    ]
    reasons += _label_changes(old.labels, new.labels)
    reasons += [f"network {item.network} is new" for item in new.attachments if item.network in renewed_networks]
    if reasons:
        return _verdict(Action.REMOVE, reasons)
    return _verdict(Action.RECONFIGURE, _intent_changes(old.intent, new.intent))


def compare_flows(old: Flow, new: Flow) -> Verdict:
    """A rule that sends packets elsewhere replaces the old one; the cookie alone is no reason to touch it."""
    if old.output == new.output:
        return _KEEP
    return Verdict(Action.RECONFIGURE, f"{old.in_port} led to {old.output}")


def _verdict(action: Action, reasons: list[str]) -> Verdict:
    return Verdict(action, ", ".join(reasons)) if reasons else _KEEP


def _label_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    # Labels cannot be changed; a place further along the chain is no reason to restart a VNF. The ports' external
    # ids, which can be changed, always tell the true position.
    return _mapping_changes("label ", _without_position(old), _without_position(new))


def _without_position(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key != _POSITION}


def _mapping_changes(prefix: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    keys = dict.fromkeys([*old, *new])
    return [
        f"{prefix}{key} {old.get(key, 'none')} -> {new.get(key, 'none')}"
        for key in keys
        if old.get(key) != new.get(key)
    ]


def _intent_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The places that differ, without their values: some are secret."""
    places = list(_places(old, new, ""))
    return [f"intent differs at {', '.join(places)}"] if places else []


def _places(old: Any, new: Any, path: str, depth: int = 0) -> Iterator[str]:
    if old == new:
        return
    if depth < 2 and isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _places(old.get(key), new.get(key), f"{path}.{key}" if path else str(key), depth + 1)
    else:
        yield path
