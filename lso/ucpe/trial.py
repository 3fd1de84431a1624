"""What a check makes on a box to try it: two ports, two networks, a container, rules; and how all of it is removed.

All of it has the marks of one service that no orchestrator has, by which the next check finds what a killed one left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lso.ucpe.box import Box, Unjudged
from lso.ucpe.needs import Needs
from orchestrator.model import UcpeError
from orchestrator.plan import service_cookie
from orchestrator.southbound import engine_events
from orchestrator.southbound.docker import ContainerSpec, NetworkSpec
from orchestrator.southbound.ports import SERVICE, InternalPort
from orchestrator.southbound.rules import RuleChanges, messages
from orchestrator.ucpe.health import NONSENSE
from orchestrator.ucpe.survey import OWNER_MASK

SERVICE_ID = "6c736f75-6370-4500-8000-00636865636b"
LABEL = engine_events.SERVICE
LABELS = {LABEL: SERVICE_ID}
COOKIE = service_cookie(SERVICE_ID, 1)
PORTS = ("lsocheck-lan", "lsocheck-wan")
NETWORKS = ("lso-ucpe-check-lan", "lso-ucpe-check-wan")
CONTAINER = "lso-ucpe-check"
MTU = 1400
_FIRST = int(IPv4Address("192.0.2.0"))  # RFC 5737, for documentation: no site and no orchestrator uses it


def internal_ports(mtu: int = MTU) -> tuple[InternalPort, ...]:
    """Return the two ports, with their marks."""
    return tuple(InternalPort(name, mtu, {SERVICE: SERVICE_ID}) for name in PORTS)


def address(number: int) -> str:
    """Return the container's address in network 0 or 1."""
    return str(IPv4Address(_FIRST + 4 * number + 2))


def mac(number: int) -> str:
    """Return the MAC address that follows (clause D5)."""
    return "02:42:" + ":".join(f"{octet:02x}" for octet in IPv4Address(address(number)).packed)


def network(number: int) -> NetworkSpec:
    """Return network 0 or 1, on the port of that number."""
    base = IPv4Address(_FIRST + 4 * number)
    return NetworkSpec(NETWORKS[number], PORTS[number], f"{base}/30", str(base + 1), LABELS)


def container(image: str, needs: Needs) -> ContainerSpec:
    """Return the container: both networks, and all that VNFs need."""
    addresses = {name: address(number) for number, name in enumerate(NETWORKS)}
    return ContainerSpec(CONTAINER, image, needs.capabilities, needs.devices, needs.sysctls, LABELS, addresses)


@dataclass
class Trial:
    """What this check has made on *box* and not removed yet; what could not be made once is not tried again.

    *before* is what else the box carried when the check began (``lso.ucpe.others``).
    """

    box: Box
    before: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _failed: dict[str, str] = field(default_factory=dict, init=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False)
    _runs: bool = field(default=False, init=False)

    async def ports(self) -> tuple[int, int]:
        """Make the ports; their OpenFlow numbers. As all of these: raises UcpeError the first time, then Unjudged."""
        if not self._numbers:
            await self.made("the ports", self._add_ports)
        return self._numbers[PORTS[0]], self._numbers[PORTS[1]]

    async def _add_ports(self) -> None:
        await self.box.ports.add(internal_ports())
        listed = await self.box.ports.list()
        self._numbers = {port.name: port.ofport for port in listed if port.name in PORTS and port.ofport is not None}

    async def networks(self) -> None:
        """Make the networks on the ports."""
        await self.ports()
        engine = await self.box.engine()
        there = {item.name for item in await engine.networks(f"{LABEL}={SERVICE_ID}")}
        if not there >= set(NETWORKS):
            await self.made("the networks", lambda: self._add_networks(there))

    async def _add_networks(self, there: set[str]) -> None:
        engine = await self.box.engine()
        for number, name in enumerate(NETWORKS):
            if name not in there:
                await engine.create_network(network(number))

    async def run(self, image: str, needs: Needs) -> None:
        """Make and start the container anew, with these needs. Raises UcpeError each time."""
        engine = await self.box.engine()
        self._runs = False
        await engine.remove_container(CONTAINER)
        await engine.create_container(container(image, needs))
        await engine.start(CONTAINER)
        self._runs = True

    async def running(self) -> None:
        """Have a container that runs, with all that is needed."""
        await self.networks()
        if not self._runs:
            image = await self.image()
            await self.made("the container", lambda: self.run(image, self.box.needs))

    async def end(self) -> None:
        """Kill and remove the container. Raises UcpeError."""
        self._runs = False
        await (await self.box.engine()).remove_container(CONTAINER)

    async def image(self) -> str:
        """Return the image of the container: the one asked for, else a VNF's of the box. Raises Unjudged."""
        images = await (await self.box.engine()).vnf_images()
        # A gateway may bring up more than a look into its container needs.
        ordered = sorted(images, key=lambda image: (image.kind == "ipsec", image.image))
        chosen = self.box.image or next((image.image for image in ordered), None)
        if chosen is None:
            raise Unjudged("the engine's store has no VNF image to make a container of")
        return chosen

    async def made(self, what: str, make: Callable[[], Awaitable[None]]) -> None:
        """Make it, unless that has failed before. Raises UcpeError the first time, then Unjudged."""
        if what in self._failed:
            raise Unjudged(f"{what} could not be made: {self._failed[what]}")
        try:
            await make()
        except UcpeError as error:
            self._failed[what] = error.message
            raise

    async def clear(self) -> tuple[str, ...]:
        """Remove all that has the marks, of this check or of one that was killed; what is left, in words."""
        self._runs, self._numbers = False, {}
        left = []
        for what, protocol, work in (
            ("rules", "openflow", self._rules),
            ("containers", "docker", self._containers),
            ("networks", "docker", self._networks),
            ("ports", "ovsdb", self._ports),
        ):
            try:
                await work()
            except (UcpeError, Unjudged, *NONSENSE) as error:
                if protocol in self.box.reached:  # else nothing could be made there either
                    left.append(f"{what}: {error}")
        return tuple(left)

    async def _rules(self) -> None:
        switch = await self.box.switch()
        own = await switch.dump(COOKIE, OWNER_MASK)
        await switch.commit(messages(RuleChanges(delete=tuple(item.rule for item in own)), OWNER_MASK))

    async def _containers(self) -> None:
        engine = await self.box.engine()
        for item in await engine.containers(f"{LABEL}={SERVICE_ID}"):
            await engine.remove_container(item.id)

    async def _networks(self) -> None:
        engine = await self.box.engine()
        for item in await engine.networks(f"{LABEL}={SERVICE_ID}"):
            await engine.remove_network(item.id)

    async def _ports(self) -> None:
        ports = self.box.ports
        await ports.remove([port for port in await ports.list() if port.external_ids.get(SERVICE) == SERVICE_ID])
