"""One uCPE seen out of band: its switch, containers, networks and VNFs, and all of it as one comparable value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.errors import Ended
from testbed.host.namespace import Namespace
from testbed.host.process import Process
from testbed.ucpe_view.container_access import ContainerAccess, ViewError
from testbed.ucpe_view.flows import FlowEntry, parse_flows
from testbed.ucpe_view.snapshot import Snapshot, take
from testbed.ucpe_view.switch import INTERFACE_COLUMNS, Port, Trace, parse_ports, parse_trace

BRIDGE = "br-ucpe"
OPENFLOW = "OpenFlow14"


@dataclass(frozen=True)
class Container:
    """One container of the uCPE's engine; *state* is the engine's word (running, exited, created …)."""

    id: str
    name: str
    image: str
    state: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Network:
    """One network of the uCPE's engine."""

    name: str
    driver: str
    labels: Mapping[str, str]
    options: Mapping[str, str]


@dataclass(frozen=True)
class Vnf:
    """One VNF that runs; *position* counts from the LAN, *access* runs commands in it, *namespace* is for captures."""

    name: str
    kind: str
    service: str
    position: int
    container: Container
    access: ContainerAccess

    @property
    def namespace(self) -> Namespace:
        """Return the VNF's network namespace."""
        return self.access.namespace


class UcpeView:
    """The uCPE with the init process *process*; every call reads anew and changes nothing.

    Calls raise ``Ended`` when the uCPE has ended, and :class:`ViewError` when a command inside it fails.
    """

    def __init__(self, process: Process, bridge: str = BRIDGE) -> None:
        self.access = ContainerAccess(process)
        self.bridge = bridge

    def ports(self, service: str | None = None) -> list[Port]:
        """Return all OVS ports by name, or those of *service* in the order of the chain."""
        columns = ",".join(INTERFACE_COLUMNS)
        argv = ["ovs-vsctl", "--timeout=10", "--format=json", "--", f"--columns={columns}", "list", "Interface"]
        ports = parse_ports(self.access.run(argv))
        if service is None:
            return ports
        own = [port for port in ports if port.service == service]
        return sorted(own, key=lambda port: (port.position if port.position is not None else -1, port.role))

    def flows(self) -> list[FlowEntry]:
        """Return all OpenFlow rules of the bridge with their counters, ports by name."""
        return parse_flows(self._ofctl("dump-flows"))

    def groups(self) -> list[str]:
        """Return the bridge's OpenFlow groups, one text each."""
        return sorted(line.strip() for line in self._ofctl("dump-groups").splitlines() if "group_id=" in line)

    def trace(self, flow: str) -> Trace:
        """Return what the bridge would do with a packet of *flow*, such as ``in_port=lan0,ip,nw_dst=10.2.0.10``.

        Nothing is sent and no counter moves. Raises :class:`ViewError` for a port or field that does not exist.
        """
        return parse_trace(self.access.run(["ovs-appctl", "-T", "10", "ofproto/trace", "--names", self.bridge, flow]))

    def containers(self) -> list[Container]:
        """Return all containers of the uCPE's engine, running or not, by name."""
        rows = self.access.engine("/containers/json?all=1")
        return sorted((_container(row) for row in rows), key=lambda container: container.name)

    def networks(self) -> list[Network]:
        """Return all networks of the uCPE's engine by name."""
        rows = self.access.engine("/networks")
        found = (Network(row["Name"], row["Driver"], row["Labels"] or {}, row["Options"] or {}) for row in rows)
        return sorted(found, key=lambda network: network.name)

    def vnf_containers(self, service: str) -> list[Container]:
        """Return the containers of *service*'s VNFs, running or not, from the LAN to the WAN."""
        own = (item for item in self.containers() if item.labels.get("lso.service") == service)
        return sorted(own, key=_position)

    def vnfs(self, service: str, kind: str | None = None) -> list[Vnf]:
        """Return the VNFs of *service* that run, all or those of *kind*, from the LAN to the WAN."""
        running = (item for item in self.vnf_containers(service) if item.state == "running")
        found = (self._vnf(item) for item in running if kind in (None, item.labels.get("lso.kind", "")))
        return [vnf for vnf in found if vnf]

    def vnf(self, service: str, kind: str) -> Vnf | None:
        """Return the first running VNF of *kind* of *service*, None when there is none."""
        return next(iter(self.vnfs(service, kind)), None)

    def vnf_json(self, service: str, kind: str, *argv: str) -> dict[str, Any]:
        """Return the JSON object that *argv* prints in the first VNF of *kind*; empty while no such VNF runs.

        Raises :class:`ViewError` when the command fails in a VNF that runs, or prints anything else.
        """
        vnf = self.vnf(service, kind)
        return _printed(vnf, argv) if vnf else {}

    def vnf_jsons(self, service: str, kind: str, *argv: str) -> dict[str, dict[str, Any]]:
        """Return what *argv* prints in each VNF of *kind* that runs, by the VNF's name. Raises as :meth:`vnf_json`."""
        return {vnf.name: _printed(vnf, argv) for vnf in self.vnfs(service, kind)}

    def run(self, argv: Sequence[str]) -> str:
        """Run *argv* in the uCPE itself and return its standard output; :class:`ViewError` when it fails."""
        return self.access.run(argv)

    def snapshot(self) -> Snapshot:
        """Return all that a service can leave behind, without what moves by itself: equal before and after it."""
        return take(self.access, self.bridge)

    def _ofctl(self, command: str) -> str:
        return self.access.run(["ovs-ofctl", "--timeout=10", "-O", OPENFLOW, "--names", command, self.bridge])

    def _vnf(self, container: Container) -> Vnf | None:
        state = self.access.engine(f"/containers/{container.id}/json")["State"]
        if not state["Pid"]:
            return None
        try:
            access = self.access.child(state["Pid"], f"VNF container {container.name}", container.id)
        except Ended:
            self.access.process.check()  # the VNF ended just now; the uCPE must not have
            return None
        labels = container.labels
        return Vnf(
            name=labels.get("lso.vnf", ""),
            kind=labels.get("lso.kind", ""),
            service=labels.get("lso.service", ""),
            position=_position(container),
            container=container,
            access=access,
        )


def _printed(vnf: Vnf, argv: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object that *argv* prints in *vnf*, empty when the VNF has ended meanwhile."""
    try:
        printed = vnf.access.run(argv)
    except (ViewError, Ended):
        if not vnf.access.alive():
            return {}
        raise
    try:
        answer = json.loads(printed)
    except json.JSONDecodeError as error:
        raise ViewError(f"{argv[0]} of {vnf.name} printed no JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ViewError(f"{argv[0]} of {vnf.name} printed no JSON object")
    return answer


def _position(container: Container) -> int:
    text = container.labels.get("lso.position", "")
    return int(text) if text.isdecimal() else -1


def _container(row: Mapping[str, Any]) -> Container:
    return Container(row["Id"], row["Names"][0].lstrip("/"), row["Image"], row["State"], row["Labels"] or {})
