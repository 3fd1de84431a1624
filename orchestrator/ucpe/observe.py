"""What one uCPE really has of a service, to be shown to people: VNF status, containers, ports, rules with counters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.inventory import Ucpe
from orchestrator.model import (
    Action,
    ContainerObservation,
    DeploymentObservation,
    FlowObservation,
    InventoryError,
    PortObservation,
    UcpeError,
    VnfObservation,
)
from orchestrator.plan import SitePlan, diff
from orchestrator.southbound.contract import Connect, Uplink
from orchestrator.southbound.docker import ContainerEntry
from orchestrator.southbound.ports import BridgePort
from orchestrator.southbound.rules import InstalledRule
from orchestrator.southbound.uplink import connected
from orchestrator.ucpe.execute import Record, session
from orchestrator.ucpe.measure import KIND
from orchestrator.ucpe.steps import Stopwatch, read_status
from orchestrator.ucpe.survey import Survey, owned, port_names, present, rule_ends, survey


async def observe_site(
    ucpe: Ucpe, service_id: str, record: Record, connect: Connect = connected
) -> DeploymentObservation:
    """Ask the uCPE; a problem with it is part of the observation, never raised."""
    template = record.plans[0].template if record.plans else ""
    try:
        async with session(ucpe, Stopwatch(), connect) as uplink:
            found = await survey(uplink, service_id)
            vnfs = await asyncio.gather(*(_vnf(uplink, item) for item in _in_order(found.containers)))
    except (UcpeError, InventoryError) as error:
        return DeploymentObservation(ucpe.id, template, problem=str(error))
    names = port_names(found.bridge_ports)
    return DeploymentObservation(
        ucpe=ucpe.id,
        template=template,
        vnfs=(*vnfs, *_missing(record.plan, found)),
        ports=tuple(sorted(map(_port, found.ports), key=lambda port: (port.position, port.role))),
        flows=tuple(sorted((_flow(item, names) for item in found.rules), key=lambda flow: (flow.in_port, flow.output))),
        foreign=tuple(_flow(item, names) for item in found.bridge_rules if not owned(item.rule, service_id)),
        differences=differences(found, record),
    )


async def observe_gateway(ucpe: Ucpe, service_id: str, connect: Connect = connected) -> DeploymentObservation:
    """Ask the IPsec gateway alone: all that is known of its tunnels, for a third of the work; problems as above."""
    try:
        async with session(ucpe, Stopwatch(), connect) as uplink:
            found = await uplink.docker.containers(f"lso.service={service_id}")
            gateways = [item for item in found if item.labels.get("lso.kind") == KIND]
            return DeploymentObservation(ucpe.id, "", tuple([await _vnf(uplink, item) for item in gateways]))
    except (UcpeError, InventoryError) as error:
        return DeploymentObservation(ucpe.id, "", problem=str(error))


async def site_differences(
    ucpe: Ucpe, service_id: str, record: Record, connect: Connect = connected
) -> tuple[str, ...]:
    """As `own_differences` now. Raises UcpeError or InventoryError when the uCPE cannot be read."""
    async with session(ucpe, Stopwatch(), connect) as uplink:
        await _ends_listed(uplink, service_id)
        return own_differences(await survey(uplink, service_id), record)


async def _ends_listed(uplink: Uplink, service_id: str) -> None:
    """Wait until the engine lists containers that have ended as such.

    It tells of an end some time before that: it takes down the container's networks first, and writes to disk. Whoever
    inspects a container waits until it has. One that is gone meanwhile is for the survey.
    """
    listed = await uplink.docker.containers(f"lso.service={service_id}")
    for told in await asyncio.gather(*(uplink.docker.inspect(item.id) for item in listed), return_exceptions=True):
        if isinstance(told, BaseException) and not isinstance(told, UcpeError):
            raise told


def differences(found: Survey, record: Record) -> tuple[str, ...]:
    """What is other than recorded, and what others have put in the chain's way, in words."""
    if not record.settled:
        return ("the last change did not come to its end; deploy or remove the service", *_foreign(found))
    return (*own_differences(found, record), *_foreign(found))


def own_differences(found: Survey, record: Record) -> tuple[str, ...]:
    """What of the service itself is other than the plan that was reached."""
    now = present(found, record.plans, record.settled)
    changes = diff(now.plan, record.plan)
    return (
        *(f"container {name} does not run as it should" for name in now.containers),
        *(f"network {name} has lost its port" for name in now.networks),
        *(f"{_WORDS[line.action]}: {line.subject} {line.name}" for line in changes.lines if line.action in _WORDS),
    )


_WORDS = {Action.CREATE: "missing", Action.RECONFIGURE: "other than recorded", Action.REMOVE: "not recorded"}


def _foreign(found: Survey) -> tuple[str, ...]:
    """Rules without this service's cookie that touch its ports; they may let traffic bypass a VNF."""
    own = {number for port in found.ports if (number := port.ofport) is not None}
    own |= {
        value for item in found.rules for name, value in item.rule.match if name == "in_port" and isinstance(value, int)
    }
    names = port_names(found.bridge_ports)
    return tuple(
        f"foreign rule on the chain's ports: {_ends_or_all(item, names)} (cookie {item.rule.cookie:#018x})"
        for item in found.bridge_rules
        if not owned(item.rule, found.service_id) and _touches(item, own)
    )


def _touches(item: InstalledRule, ports: set[int]) -> bool:
    """A rule without in_port matches frames of every port."""
    in_port = dict(item.rule.match).get("in_port")
    return in_port is None or in_port in ports or not ports.isdisjoint(item.rule.outputs)


def _ends_or_all(item: InstalledRule, names: Mapping[int, str]) -> str:
    ends = rule_ends(item.rule, names)
    return f"{ends[0]} -> {ends[1]}" if ends else str(item.rule)


def _in_order(containers: Sequence[ContainerEntry]) -> list[ContainerEntry]:
    return sorted(containers, key=lambda item: (_number(item.labels.get("lso.position")), item.name))


async def _vnf(uplink: Uplink, item: ContainerEntry) -> VnfObservation:
    try:
        details = await uplink.docker.inspect(item.id)
    except UcpeError as error:
        return _vnf_observation(item, None, None, error.message)
    container = ContainerObservation(
        id=item.id,
        name=item.name,
        image=item.image,
        state=item.state,
        restarts=details.get("RestartCount", 0),
        started_at=details["State"].get("StartedAt"),
    )
    if item.state != "running":
        return _vnf_observation(item, container, None, f"its container is {item.state}")
    return _vnf_observation(item, container, *await read_status(uplink, item.id))


def _vnf_observation(
    item: ContainerEntry, container: ContainerObservation | None, status: Mapping[str, Any] | None, problem: str | None
) -> VnfObservation:
    labels = item.labels
    position = _number(labels.get("lso.position"))
    return VnfObservation(
        labels.get("lso.vnf", item.name), labels.get("lso.kind", ""), position, container, status, problem
    )


def _missing(plan: SitePlan | None, found: Survey) -> list[VnfObservation]:
    there = {item.name for item in found.containers}
    return [
        VnfObservation(
            item.vnf, item.kind, _number(item.labels.get("lso.position")), None, None, "there is no container"
        )
        for item in (plan.containers if plan else ())
        if item.name not in there
    ]


def _port(port: BridgePort) -> PortObservation:
    ids = port.external_ids
    position = _number(ids.get("lso:position"))
    return PortObservation(
        port.name, ids.get("lso:vnf", ""), ids.get("lso:role", ""), position, port.ofport, port.mac, port.mtu
    )


def _flow(item: InstalledRule, names: Mapping[int, str]) -> FlowObservation:
    in_port, output = rule_ends(item.rule, names) or (str(dict(item.rule.match).get("in_port", "any")), str(item.rule))
    rule = item.rule
    counters = (item.packets, item.bytes, item.seconds)
    return FlowObservation(rule.cookie, rule.priority, in_port, output, *counters, text=str(rule))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
