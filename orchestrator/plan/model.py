"""The desired state of one site: Open vSwitch ports, Docker networks and containers, OpenFlow rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from orchestrator.intent import Role


@dataclass(frozen=True, slots=True)
class PortPlan:
    """An Open vSwitch internal port that a VNF's interface sits on.

    `name` has at most 15 characters, the kernel's limit. `mtu` (bytes of the IP packet) goes into `mtu_request`.
    `external_ids` mark the Interface row, so that the port can be found without any record of ours.
    """

    name: str
    vnf: str
    role: Role
    mtu: int
    external_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A Docker network, driver `macvlan` in mode `passthru`, on one of the ports."""

    name: str
    vnf: str
    role: Role
    parent: str
    subnet: str
    gateway: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container's place in a network: Docker makes `mac` out of `address`, which nothing else uses."""

    network: str
    role: Role
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """A VNF's container. `intent` is the JSON object for its `/vnf/apply`; it may hold private keys."""

    name: str
    vnf: str
    kind: str
    image: str
    capabilities: tuple[str, ...]
    devices: tuple[str, ...]
    sysctls: Mapping[str, str]
    labels: Mapping[str, str]
    attachments: tuple[Attachment, ...]
    intent: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """An OpenFlow rule: everything that comes in by `in_port` goes out by `output`; ports by name."""

    priority: int
    in_port: str
    output: str
    cookie: int


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Everything that one service has on one uCPE; VNFs and ports ordered from LAN to WAN."""

    service_id: str
    generation: int
    ucpe: str
    template: str
    lan_port: str
    wan_port: str
    ports: tuple[PortPlan, ...]
    networks: tuple[NetworkPlan, ...]
    containers: tuple[ContainerPlan, ...]
    flows: tuple[Flow, ...]


def service_prefix(service_id: str) -> str:
    """The first eight hexadecimal digits of the service's UUID, which start all its names."""
    return UUID(service_id).hex[:8]


def service_cookie(service_id: str, generation: int) -> int:
    """The 64-bit cookie of rules made in that generation: the service's prefix, then the generation, 32 bits each."""
    return int(service_prefix(service_id), 16) << 32 | generation & 0xFFFFFFFF


_ADAPTER = TypeAdapter(SitePlan)


def dump_plan(plan: SitePlan) -> dict[str, Any]:
    """The plan as JSON-ready values, for a store. It may hold private keys."""
    dumped: dict[str, Any] = _ADAPTER.dump_python(plan, mode="json")
    return dumped


def load_plan(values: Mapping[str, Any]) -> SitePlan:
    """The plan that `dump_plan` made these values of."""
    return _ADAPTER.validate_python(values)
