"""uCPEs in this process: a southbound driver without network, for load, for crashes and for tests of what lies above.

It keeps the contract of the real one (`orchestrator.southbound.contract`): names are taken once, what is attached
cannot be removed, a bundle of rules is applied as a whole, a VNF tells the digest of the intent that it has. Its
gateways say that every tunnel stands. It carries no packets. With a file, its state outlives this process, as that of
real uCPEs does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from os_ken.ofproto import ofproto_v1_4

from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.docker import ContainerEntry, ContainerSpec, NetworkEntry, NetworkSpec
from orchestrator.southbound.exec import ExecResult
from orchestrator.southbound.memory_state import UcpeState, UcpeStates, Vnf
from orchestrator.southbound.ports import BridgePort, InternalPort
from orchestrator.southbound.rules import InstalledRule, Rule, message_rule


class MemorySouthbound:
    """Connects to the uCPEs of an inventory; give its `connect` and `ended` to the orchestrator.

    `delay` is how long each call takes in seconds, `delays` the same for single uCPEs. `file` keeps the state.
    """

    def __init__(self, inventory: Inventory, *, delay: float = 0.0, file: Path | None = None) -> None:
        self.delay = delay
        self.delays: dict[str, float] = {}
        self.unlisted: set[str] = set()
        self._faults: dict[tuple[str, str], list[UcpeError]] = {}
        self._listeners: dict[str, list[asyncio.Queue[str]]] = {}
        self._states = UcpeStates(inventory, file)

    def fail(self, ucpe: str, call: str, message: str, times: int = 1) -> None:
        """Let a call at a uCPE (`connect`, `create_container`, `add_ports`, `commit` …) fail this many times."""
        kind = UcpeUnreachable if call == "connect" else UcpeRefused
        self._faults.setdefault((ucpe, call), []).extend([kind(ucpe, "docker", message)] * times)

    def state(self, ucpe: str) -> UcpeState:
        """What that uCPE has."""
        return self._states.state(ucpe)

    @contextlib.asynccontextmanager
    async def connect(self, ucpe: Ucpe) -> AsyncIterator[Uplink]:
        """A session, as `orchestrator.southbound.uplink.connected`."""
        await self.enter(ucpe.id, "connect")
        yield MemoryUplink(self, ucpe, self._states.state(ucpe.id))

    @contextlib.asynccontextmanager
    async def ended(self, ucpe: Ucpe) -> AsyncIterator[AsyncIterator[str]]:
        """A stream, as `orchestrator.southbound.engine_events.ended_containers`, of what `kill` ends."""
        await self.enter(ucpe.id, "ended")
        queue: asyncio.Queue[str] = asyncio.Queue()
        listeners = self._listeners.setdefault(ucpe.id, [])
        listeners.append(queue)
        try:
            yield _all_of(queue)
        finally:
            listeners.remove(queue)

    def listened(self) -> set[str]:
        """The uCPEs of which a stream is open."""
        return {ucpe for ucpe, queues in self._listeners.items() if queues}

    def kill(self, ucpe: str, container: str) -> None:
        """Let a container end, as `docker kill` does: the engine lists it as running until somebody inspects it."""
        state = self._states.state(ucpe)
        vnf = state.vnfs[container].in_state("exited")
        state.keep(vnfs={container: vnf})
        self.unlisted.add(vnf.entry.id)
        for queue in self._listeners.get(ucpe, ()):
            queue.put_nowait(vnf.entry.labels["lso.service"])

    def close(self) -> None:
        """Close the file."""
        self._states.close()

    async def enter(self, ucpe: str, call: str) -> None:
        """What each call does first: take its time, and fail if it shall."""
        if delay := self.delays.get(ucpe, self.delay):
            await asyncio.sleep(delay)
        if faults := self._faults.get((ucpe, call)):
            raise faults.pop(0)


class MemoryUplink:
    """The three endpoints of one uCPE."""

    def __init__(self, southbound: MemorySouthbound, ucpe: Ucpe, state: UcpeState) -> None:
        self.ucpe = ucpe
        self.docker = MemoryEngine(southbound, state)
        self.ports = MemoryPorts(southbound, state)
        self._switch = MemorySwitch(southbound, state)

    async def switch(self) -> MemorySwitch:
        """It is never lost."""
        return self._switch


class MemoryEngine:
    """Networks and containers. A container runs from its start on; its VNF takes every intent."""

    def __init__(self, southbound: MemorySouthbound, state: UcpeState) -> None:
        self._southbound, self._state = southbound, state

    async def networks(self, label: str) -> tuple[NetworkEntry, ...]:
        """Those with the label."""
        await self._enter("networks")
        return tuple(item for item in self._state.networks.values() if _labelled(item.labels, label))

    async def containers(self, label: str) -> tuple[ContainerEntry, ...]:
        """Those with the label."""
        await self._enter("containers")
        entries = (vnf.entry for vnf in self._state.vnfs.values() if _labelled(vnf.entry.labels, label))
        unlisted = self._southbound.unlisted
        return tuple(replace(item, state="running") if item.id in unlisted else item for item in entries)

    async def inspect(self, container: str) -> Mapping[str, Any]:
        """The few members that are read of Docker's description."""
        await self._enter("inspect")
        entry = self._vnf(container).entry
        self._southbound.unlisted.discard(entry.id)
        return {"Id": entry.id, "RestartCount": 0, "State": {"Status": entry.state, "StartedAt": None}}

    async def require_image(self, image: str, kind: str) -> Mapping[str, str]:
        """Every image is there and of the kind that is asked for, unless a fault says otherwise."""
        await self._enter("require_image")
        return {"lso.vnf.kind": kind}

    async def create_network(self, spec: NetworkSpec) -> None:
        """Needs the port, and the port for itself."""
        await self._enter("create_network")
        if spec.name in self._state.networks:
            raise self._refused(f"network with name {spec.name} already exists")
        if spec.parent not in self._state.ports:
            raise self._refused(f"invalid subinterface vlan name {spec.parent}")
        if any(item.parent == spec.parent for item in self._state.networks.values()):
            raise self._refused(f"network is already using parent interface {spec.parent}")
        entry = NetworkEntry(uuid4().hex, spec.name, spec.parent, spec.subnet, spec.gateway, dict(spec.labels))
        self._state.keep(networks={spec.name: entry})

    async def remove_network(self, name: str) -> None:
        """Takes name or id."""
        await self._enter("remove_network")
        for item in [item for item in self._state.networks.values() if name in {item.name, item.id}]:
            if any(item.name in vnf.entry.networks for vnf in self._state.vnfs.values()):
                raise self._refused(f"network {item.name} has active endpoints")
            self._state.keep(networks={item.name: None})

    async def create_container(self, spec: ContainerSpec) -> None:
        """Its networks must be there."""
        await self._enter("create_container")
        if spec.name in self._state.vnfs:
            raise self._refused(f'the container name "/{spec.name}" is already in use')
        if missing := [name for name in spec.addresses if name not in self._state.networks]:
            raise self._refused(f"network {missing[0]} not found")
        entry = ContainerEntry(uuid4().hex, spec.name, spec.image, "created", dict(spec.labels), dict(spec.addresses))
        self._state.keep(vnfs={spec.name: Vnf(entry, None)})

    async def start(self, container: str) -> None:
        """The VNF waits for its intent."""
        await self._enter("start")
        vnf = self._vnf(container)
        self._state.keep(vnfs={vnf.entry.name: vnf.in_state("running")})

    async def remove_container(self, name: str) -> None:
        """Takes name or id."""
        await self._enter("remove_container")
        for vnf in [vnf for vnf in self._state.vnfs.values() if name in {vnf.entry.name, vnf.entry.id}]:
            self._state.keep(vnfs={vnf.entry.name: None})

    async def run(self, container: str, command: Sequence[str], stdin: bytes | None = None) -> ExecResult:
        """The two executables of the VNF contract."""
        await self._enter("run")
        vnf = self._vnf(container)
        if vnf.entry.state != "running":
            raise self._refused(f"container {vnf.entry.name} is not running")
        if list(command) == ["/vnf/apply"]:
            self._state.keep(vnfs={vnf.entry.name: vnf.with_intent(stdin or b"")})
            return ExecResult(0, b"", b"")
        if list(command) == ["/vnf/status"]:
            return ExecResult(0, json.dumps(vnf.status()).encode(), b"")
        return ExecResult(127, b"", f"{command[0]}: not found".encode())

    def _vnf(self, container: str) -> Vnf:
        for vnf in self._state.vnfs.values():
            if container in {vnf.entry.name, vnf.entry.id}:
                return vnf
        raise self._refused(f"no such container: {container}")

    def _refused(self, problem: str) -> UcpeRefused:
        return UcpeRefused(self._state.ucpe, "docker", problem)

    async def _enter(self, call: str) -> None:
        await self._southbound.enter(self._state.ucpe, call)


class MemoryPorts:
    """The ports of the bridge; each gets the next free number."""

    def __init__(self, southbound: MemorySouthbound, state: UcpeState) -> None:
        self._southbound, self._state = southbound, state

    async def list(self) -> tuple[BridgePort, ...]:
        """All ports."""
        await self._enter("list_ports")
        return tuple(self._state.ports.values())

    async def add(self, ports: Sequence[InternalPort]) -> None:
        """All or none."""
        await self._enter("add_ports")
        if taken := [port.name for port in ports if port.name in self._state.ports]:
            raise self._refused(f"port '{taken[0]}' exists")
        first = max((port.ofport or 0 for port in self._state.ports.values()), default=0) + 1
        self._state.keep(ports={port.name: _bridge_port(port, n) for n, port in enumerate(ports, first)})

    async def change(self, ports: Sequence[InternalPort]) -> None:
        """All or none."""
        await self._enter("change_ports")
        if missing := [port.name for port in ports if port.name not in self._state.ports]:
            raise self._refused(f"there is no port '{missing[0]}'")
        numbers = {port.name: self._state.ports[port.name].ofport or 0 for port in ports}
        self._state.keep(ports={port.name: _bridge_port(port, numbers[port.name]) for port in ports})

    async def remove(self, ports: Sequence[BridgePort]) -> None:
        """Ports that are gone already are no matter."""
        await self._enter("remove_ports")
        self._state.keep(ports={port.name: None for port in ports if port.name in self._state.ports})

    def _refused(self, problem: str) -> UcpeRefused:
        return UcpeRefused(self._state.ucpe, "ovsdb", problem)

    async def _enter(self, call: str) -> None:
        await self._southbound.enter(self._state.ucpe, call)


class MemorySwitch:
    """The rules of the bridge, changed by the messages that a real switch gets."""

    failure: UcpeError | None = None

    def __init__(self, southbound: MemorySouthbound, state: UcpeState) -> None:
        self._southbound, self._state = southbound, state

    async def dump(self, cookie: int = 0, mask: int = 0) -> tuple[InstalledRule, ...]:
        """Rules without traffic."""
        await self._southbound.enter(self._state.ucpe, "dump")
        return tuple(InstalledRule(rule, 0, 0, 0.0) for rule in self._state.rules if _agrees(rule, cookie, mask))

    async def raise_ports(self, numbers: Iterable[int]) -> None:
        """There is no link to raise."""
        await self._southbound.enter(self._state.ucpe, "raise_ports")

    async def commit(self, changes: Sequence[Any]) -> None:
        """Apply a bundle of flow-mods."""
        await self._southbound.enter(self._state.ucpe, "commit")
        table = {rule.key: rule for rule in self._state.rules}
        for message in changes:
            rule = message_rule(message)
            there = table.get(rule.key)
            if message.command == ofproto_v1_4.OFPFC_ADD:
                table[rule.key] = rule
            elif there is None or not _agrees(there, message.cookie, message.cookie_mask):
                continue
            elif message.command == ofproto_v1_4.OFPFC_DELETE_STRICT:
                del table[rule.key]
            else:
                table[rule.key] = Rule(rule.priority, rule.match, rule.outputs, rule.table, there.cookie)
        self._state.set_rules(table.values())


async def _all_of(queue: asyncio.Queue[str]) -> AsyncIterator[str]:
    while True:
        yield await queue.get()


def _labelled(labels: Mapping[str, str], label: str) -> bool:
    key, equals, value = label.partition("=")
    return key in labels and (not equals or labels[key] == value)


def _agrees(rule: Rule, cookie: int, mask: int) -> bool:
    return (rule.cookie ^ cookie) & mask == 0


def _bridge_port(port: InternalPort, number: int) -> BridgePort:
    ids = dict(port.external_ids)
    return BridgePort(uuid4().hex, port.name, "internal", number, None, port.mtu, port.mtu, ids)
