"""What one uCPE really has of a service, found by the marks of ownership alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.intent import Role
from orchestrator.model import Subject
from orchestrator.plan import Attachment, ContainerPlan, Flow, NetworkPlan, PortPlan, SitePlan, service_cookie
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.docker import ContainerEntry, NetworkEntry
from orchestrator.southbound.ports import SERVICE, BridgePort
from orchestrator.southbound.reconnect import on_connection
from orchestrator.southbound.rules import InstalledRule, Rule

OWNER_MASK = 0xFFFF_FFFF_0000_0000
"""The half of a cookie that names the service; the other is the generation."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All ports and rules of the bridge, and the service's networks and containers."""

    service_id: str
    bridge_ports: tuple[BridgePort, ...]
    bridge_rules: tuple[InstalledRule, ...]
    networks: tuple[NetworkEntry, ...]
    containers: tuple[ContainerEntry, ...]

    @property
    def ports(self) -> tuple[BridgePort, ...]:
        """The service's own ports."""
        return tuple(port for port in self.bridge_ports if port.external_ids.get(SERVICE) == self.service_id)

    @property
    def rules(self) -> tuple[InstalledRule, ...]:
        """The service's own rules."""
        return tuple(item for item in self.bridge_rules if owned(item.rule, self.service_id))

    @property
    def numbers(self) -> dict[str, int]:
        """OpenFlow numbers of the bridge's ports by name."""
        return {port.name: port.ofport for port in self.bridge_ports if port.ofport is not None}

    @property
    def empty(self) -> bool:
        """True when nothing of the service is there."""
        return not (self.ports or self.rules or self.networks or self.containers)

    @property
    def objects(self) -> tuple[tuple[Subject, str], ...]:
        """All that is there of the service, by class and name."""
        names = port_names(self.bridge_ports)
        return (
            *((Subject.PORT, port.name) for port in self.ports),
            *((Subject.NETWORK, network.name) for network in self.networks),
            *((Subject.CONTAINER, container.name) for container in self.containers),
            *((Subject.FLOW, show_rule(item.rule, names)) for item in self.rules),
        )

    def leftovers(self) -> tuple[str, ...]:
        """As `objects`, in words."""
        words = {Subject.FLOW: "rule"}
        return tuple(f"{words.get(subject, subject)} {name}" for subject, name in self.objects)


async def survey(uplink: Uplink, service_id: str) -> Survey:
    """Ask the three endpoints at once; raises UcpeUnreachable or UcpeRefused."""
    label = f"lso.service={service_id}"
    ports, rules, networks, containers = await asyncio.gather(
        uplink.ports.list(),
        on_connection(uplink.switch, lambda switch: switch.dump()),
        uplink.docker.networks(label),
        uplink.docker.containers(label),
    )
    return Survey(service_id, ports, rules, networks, containers)


def owned(rule: Rule, service_id: str) -> bool:
    """Whether the rule's cookie is the service's."""
    return (rule.cookie ^ service_cookie(service_id, 0)) & OWNER_MASK == 0


def port_names(ports: Sequence[BridgePort]) -> dict[int, str]:
    """Names of ports by their OpenFlow number."""
    return {port.ofport: port.name for port in ports if port.ofport is not None}


def show_rule(rule: Rule, names: Mapping[int, str]) -> str:
    """A rule of ours as `in -> out`; any other in full."""
    ends = rule_ends(rule, names)
    return f"{ends[0]} -> {ends[1]}" if ends else str(rule)


def rule_ends(rule: Rule, names: Mapping[int, str]) -> tuple[str, str] | None:
    """Ports in and out by name (their number as text where there is none), if the rule says just that."""
    if [name for name, _ in rule.match] != ["in_port"] or len(rule.outputs) != 1 or rule.actions or rule.table:
        return None
    number = rule.match[0][1]
    assert isinstance(number, int)  # noqa: S101  # the codec's type of this field
    return names.get(number, str(number)), names.get(rule.outputs[0], str(rule.outputs[0]))


@dataclass(frozen=True, slots=True)
class Present:
    """A survey as a plan, to be compared with the desired one, and what has to go first because it is of no use:
    containers that do not run, networks without their port, ports that the switch could not make, unknown rules.
    """

    plan: SitePlan | None
    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ports: tuple[BridgePort, ...] = ()
    rules: tuple[Rule, ...] = ()


def present(found: Survey, records: Sequence[SitePlan], settled: bool) -> Present:
    """Read a survey as a plan. `records` tell what cannot be seen from outside: a container's rights and its intent.

    Unless `settled`, the last change was interrupted, and a VNF may have either record's intent: then it gets an empty
    one here, which differs from every desired one.
    """
    if found.empty:
        return Present(None)
    good_ports = {port.name for port in found.ports if port.ofport is not None}
    good_networks = {network.name for network in found.networks if network.parent in good_ports}
    good = {item.name for item in found.containers if item.state == "running" and set(item.networks) <= good_networks}
    names = port_names(found.bridge_ports)
    plan = SitePlan(
        service_id=found.service_id,
        generation=max((record.generation for record in records), default=0),
        ucpe=records[0].ucpe if records else "",
        template=records[0].template if records else "",
        lan_port=records[0].lan_port if records else "",
        wan_port=records[0].wan_port if records else "",
        ports=tuple(_port(port) for port in found.ports if port.name in good_ports),
        networks=tuple(_network(item) for item in found.networks if item.name in good_networks),
        containers=tuple(_container(item, records, settled) for item in found.containers if item.name in good),
        flows=tuple(flow for item in found.rules if (flow := _flow(item.rule, names))),
    )
    return Present(
        plan,
        tuple(item.name for item in found.containers if item.name not in good),
        tuple(item.name for item in found.networks if item.name not in good_networks),
        tuple(port for port in found.ports if port.name not in good_ports),
        tuple(item.rule for item in found.rules if not _flow(item.rule, names)),
    )


def _role(text: str | None) -> Role:
    return "lan" if text == "lan" else "wan"


def _port(port: BridgePort) -> PortPlan:
    ids = port.external_ids
    return PortPlan(port.name, ids.get("lso:vnf", ""), _role(ids.get("lso:role")), port.mtu_request or 0, dict(ids))


def _network(item: NetworkEntry) -> NetworkPlan:
    return NetworkPlan(
        name=item.name,
        vnf=item.labels.get("lso.vnf", ""),
        role=_role(item.labels.get("lso.role")),
        parent=item.parent or "",
        subnet=item.subnet or "",
        gateway=item.gateway or "",
        labels=dict(item.labels),
    )


def _container(item: ContainerEntry, records: Sequence[SitePlan], settled: bool) -> ContainerPlan:
    candidates = [plan for record in records for plan in record.containers if plan.name == item.name]
    candidates = [plan for plan in candidates if _agrees(plan, item)]
    if not candidates:
        return _unknown(item)
    if settled:
        return candidates[0]
    bare = [replace(plan, intent={}) for plan in candidates]
    return bare[0] if all(plan == bare[0] for plan in bare) else _unknown(item)


def _agrees(plan: ContainerPlan, item: ContainerEntry) -> bool:
    addresses = {attachment.network: attachment.address for attachment in plan.attachments}
    return plan.image == item.image and addresses == dict(item.networks)


def _unknown(item: ContainerEntry) -> ContainerPlan:
    """A container nobody has a record of. Its attachments without MAC equal no planned ones, so it is made anew."""
    return ContainerPlan(
        name=item.name,
        vnf=item.labels.get("lso.vnf", ""),
        kind=item.labels.get("lso.kind", ""),
        image=item.image,
        capabilities=(),
        devices=(),
        sysctls={},
        labels=dict(item.labels),
        attachments=tuple(Attachment(name, "lan", address, "") for name, address in item.networks.items()),
        intent={},
    )


def _flow(rule: Rule, names: Mapping[int, str]) -> Flow | None:
    ends = rule_ends(rule, names)
    return Flow(rule.priority, ends[0], ends[1], rule.cookie) if ends else None
