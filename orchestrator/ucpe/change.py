"""One change of one uCPE, stage by stage, undone as a whole when a step fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from common.text import counted
from orchestrator.model import UcpeError, UcpeRefused, VnfStateUnknown
from orchestrator.plan import Changes, ContainerPlan, NetworkPlan, PortPlan
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.reconnect import on_connection
from orchestrator.southbound.rules import Rule
from orchestrator.ucpe.steps import (
    Stopwatch,
    UndoStack,
    all_of,
    apply_intent,
    check_status,
    container_spec,
    internal_port,
    network_spec,
    rules_of,
    set_rules,
)
from orchestrator.ucpe.survey import Present

Tell = Callable[[str, str, str | None], None]
"""Takes stage, message and VNF (None for the uCPE as a whole)."""


class ChangeFailed(Exception):
    """The change did not come about; `differences` is what could not be undone, empty when all is as before."""

    def __init__(self, cause: UcpeError, differences: tuple[str, ...]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.differences = differences


class SiteChange:
    """Turns what is present into what `changes` asks for.

    Ports come first, then networks, containers and at last the rules, so that traffic meets only VNFs that run; what
    the new chain does not need any more goes after that.
    """

    def __init__(self, uplink: Uplink, now: Present, changes: Changes, tell: Tell, watch: Stopwatch) -> None:
        if changes.after is None:
            raise ValueError("a removal is no change of a site")
        self._uplink = uplink
        self._now = now
        self._changes = changes
        self._after = changes.after
        self._tell = tell
        self._watch = watch
        self._undo = UndoStack()
        self._labels: dict[str, Mapping[str, str]] = {}
        self._checks: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Carry the change out. Raises ChangeFailed after undoing as much as can be undone."""
        try:
            await self._build()
        except UcpeError as error:
            self._tell("undo", f"undoing: {error.message}", None)
            with self._watch.stage("undo"):
                await asyncio.gather(*self._checks, return_exceptions=True)  # they use what is undone
                differences = await self._undo.unwind()
            raise ChangeFailed(error, differences) from error
        try:
            await self._drop()
        except UcpeError as error:
            raise ChangeFailed(error, (f"parts of the former chain are left: {error.message}",)) from error

    async def _build(self) -> None:
        with self._watch.stage("images"):
            await self._images()
        await self._clear()
        with self._watch.stage("ports"):
            await self._ports()
        with self._watch.stage("networks"):
            await all_of(self._add_network(network) for network in self._changes.networks.create)
        with self._watch.stage("containers"):
            reconfigured = [self._reconfigure(old, new) for old, new in self._changes.containers.reconfigure]
            await all_of([self._add_containers(), *reconfigured])
        with self._watch.stage("flows"):
            await self._flows()
        with self._watch.stage("status"):
            await all_of(self._checks)

    async def _images(self) -> None:
        images = sorted({(container.image, container.kind) for container in self._changes.containers.create})
        found = await all_of(self._uplink.docker.require_image(image, kind) for image, kind in images)
        self._labels = dict(zip((image for image, _ in images), found, strict=True))

    async def _clear(self) -> None:
        """Out of the way: what is of no use, then what must be made anew under the same name."""
        now, changes = self._now, self._changes
        with self._watch.stage("clear"):
            docker = self._uplink.docker
            await all_of(docker.remove_container(name) for name in now.containers)
            await all_of(docker.remove_network(name) for name in now.networks)
            await self._uplink.ports.remove(now.ports)
            await all_of(self._remove_container(item) for item in changes.containers.remove if _renewed(changes, item))
            await all_of(self._remove_network(item) for item in changes.networks.remove if _renewed(changes, item))

    async def _ports(self) -> None:
        create, reconfigure = self._changes.ports.create, self._changes.ports.reconfigure
        await self._uplink.ports.add([internal_port(port) for port in create])
        self._undo.push("ports", lambda: self._remove_ports(create))
        await self._uplink.ports.change([internal_port(new) for _, new in reconfigure])
        before = [internal_port(old) for old, _ in reconfigure]
        self._undo.push("port settings", lambda: self._uplink.ports.change(before))
        self._numbers = {port.name: port.ofport for port in await self._uplink.ports.list() if port.ofport is not None}
        raised = [self._numbers[port.name] for port in self._after.ports]
        await on_connection(self._uplink.switch, lambda switch: switch.raise_ports(raised))
        if create:
            self._tell("ports", f"{counted(len(create), 'port')} added", None)

    async def _remove_ports(self, ports: Iterable[PortPlan]) -> None:
        names = {port.name for port in ports}
        await self._uplink.ports.remove([port for port in await self._uplink.ports.list() if port.name in names])

    async def _add_network(self, network: NetworkPlan) -> None:
        await self._uplink.docker.create_network(network_spec(network))
        self._undo.push(f"network {network.name}", lambda: self._uplink.docker.remove_network(network.name))

    async def _remove_network(self, network: NetworkPlan) -> None:
        await self._uplink.docker.remove_network(network.name)
        self._undo.push(f"network {network.name}", lambda: self._uplink.docker.create_network(network_spec(network)))

    async def _add_containers(self) -> None:
        """Create side by side; start in the chain's order, as soon as each is there; what runs gets its intent."""
        containers = self._changes.containers.create
        created = [asyncio.ensure_future(self._create_container(container)) for container in containers]
        applied: list[asyncio.Future[None]] = []
        try:
            for container, creation in zip(containers, created, strict=True):
                await creation
                await self._uplink.docker.start(container.name)
                self._tell("containers", f"{container.image} started", container.vnf)
                applied.append(asyncio.ensure_future(self._first_intent(container)))
            await all_of(applied)
        finally:  # what goes on behind a failed one must not escape the undoing
            await asyncio.gather(*created, *applied, return_exceptions=True)

    async def _first_intent(self, container: ContainerPlan) -> None:
        await apply_intent(self._uplink, container)
        self._tell("containers", "intent applied", container.vnf)
        self._check(container)

    def _check(self, container: ContainerPlan) -> None:
        """Look at the status while the work goes on; what is wrong with it is raised at the end."""
        labels = self._labels.get(container.image, {})
        self._checks.append(asyncio.ensure_future(check_status(self._uplink, container, labels)))

    async def _create_container(self, container: ContainerPlan) -> None:
        docker = self._uplink.docker
        await docker.create_container(container_spec(container))
        self._undo.push(f"container {container.name}", lambda: docker.remove_container(container.name))

    async def _remove_container(self, container: ContainerPlan) -> None:
        await self._uplink.docker.remove_container(container.name)
        self._undo.push(f"container {container.name}", lambda: self._restore_container(container))

    async def _restore_container(self, container: ContainerPlan) -> None:
        await self._uplink.docker.create_container(container_spec(container))
        await self._uplink.docker.start(container.name)
        await self._restore_intent(container)

    async def _reconfigure(self, old: ContainerPlan, new: ContainerPlan) -> None:
        try:
            await apply_intent(self._uplink, new)
        except VnfStateUnknown:  # one that refuses keeps its old state; this one may have a part of the new
            self._undo.push(f"intent of VNF {new.vnf}", lambda: self._restore_intent(old))
            raise
        self._undo.push(f"intent of VNF {new.vnf}", lambda: self._restore_intent(old))
        self._tell("containers", "new intent applied", new.vnf)
        self._check(new)

    async def _restore_intent(self, container: ContainerPlan) -> None:
        if not container.intent:
            raise UcpeRefused(self._uplink.ucpe.id, "docker", "its former intent is not known")
        await apply_intent(self._uplink, container)

    async def _flows(self) -> None:
        wanted = rules_of(self._uplink, self._after.flows, self._numbers)
        await set_rules(self._uplink, self._after.service_id, wanted, self._undo_rules)
        self._tell("flows", f"chain of {counted(len(wanted), 'rule')} in place", None)

    def _undo_rules(self, before: tuple[Rule, ...]) -> None:
        self._undo.push("rules", lambda: set_rules(self._uplink, self._after.service_id, before))

    async def _drop(self) -> None:
        """What the chain does not use any more."""
        changes, docker = self._changes, self._uplink.docker
        with self._watch.stage("drop"):
            await all_of(
                docker.remove_container(item.name) for item in changes.containers.remove if not _renewed(changes, item)
            )
            await all_of(
                docker.remove_network(item.name) for item in changes.networks.remove if not _renewed(changes, item)
            )
            await self._remove_ports(changes.ports.remove)


def _renewed(changes: Changes, item: ContainerPlan | NetworkPlan) -> bool:
    """Whether it is removed only to be made anew under its name."""
    made = changes.containers.create if isinstance(item, ContainerPlan) else changes.networks.create
    return any(item.name == new.name for new in made)
