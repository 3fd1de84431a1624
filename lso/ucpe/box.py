"""The box that is checked: its sessions, opened when they are first needed, and what this check makes on it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from lso.ucpe.needs import Needs
from orchestrator.inventory import Ucpe, Uni
from orchestrator.model import UcpeError, UcpeUnreachable
from orchestrator.southbound.docker import DockerEngine
from orchestrator.southbound.openflow import OpenFlowSwitch
from orchestrator.southbound.ovsdb import OvsdbClient
from orchestrator.southbound.ports import PortTable
from orchestrator.southbound.tls import Endpoint, client_context, docker_endpoint

LOCK = "lso_ucpe_check"


class Unjudged(Exception):
    """A check cannot judge because of what another one has found; the text says what."""


class Busy(Exception):
    """Another check of the same box is under way."""


class _Session(Protocol):
    async def close(self) -> None: ...


S = TypeVar("S", bound=_Session)


@dataclass
class Box:
    """A uCPE with the UNIs on it, and what containers on it will need; *image* is that of the throw-away container.

    *reached* are the protocols by which there has been a session, so that something may have been made.
    *more_ports* are ports that the bridge has to have beside those of the UNIs and of the uCPE's WAN.

    Use it as `async with box.opened()`: that ends its sessions.
    """

    ucpe: Ucpe
    unis: Sequence[Uni]
    needs: Needs
    image: str | None = None
    more_ports: Sequence[str] = ()
    reached: set[str] = field(default_factory=set, init=False)
    _context: ssl.SSLContext | None = field(default=None, init=False)
    _sessions: dict[str, _Session] = field(default_factory=dict, init=False)
    _unreachable: dict[str, str] = field(default_factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Load the TLS files; end all sessions at the end. Raises InventoryError."""
        self._context = client_context(self.ucpe)
        self._sessions = {}
        try:
            yield
        finally:
            for session in self._sessions.values():
                await session.close()

    def give_up(self, error: UcpeUnreachable) -> None:
        """Ask an endpoint that did not answer no more: one finding says so, and what needs it is not judged."""
        self._unreachable[error.endpoint] = error.message

    @property
    def context(self) -> ssl.SSLContext | None:
        """The TLS context of our side, once `opened`; None where the inventory has no TLS files for the box."""
        return self._context

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The three, Docker Engine API first."""
        own = Endpoint(self.ucpe.id, "ovsdb", self.ucpe.ovsdb), Endpoint(self.ucpe.id, "openflow", self.ucpe.openflow)
        return docker_endpoint(self.ucpe), *own

    async def engine(self) -> DockerEngine:
        """The session with the Docker Engine. As all of these: raises UcpeError, or Unjudged once given up."""
        return await self._session("docker", lambda: DockerEngine.connect(self.ucpe))

    async def database(self) -> OvsdbClient:
        """The session with OVSDB."""
        endpoint = self.endpoints[1]
        return await self._session("ovsdb", lambda: OvsdbClient.connect(endpoint, self._context))

    async def switch(self) -> OpenFlowSwitch:
        """The session with the bridge."""
        endpoint = self.endpoints[2]
        return await self._session("openflow", lambda: OpenFlowSwitch.connect(endpoint, self._context))

    @property
    def enrolled_ports(self) -> tuple[str, ...]:
        """The names of the ports that the bridge has to have."""
        wan = (port.port for port in self.ucpe.wan)
        return tuple(dict.fromkeys([*(uni.port for uni in self.unis), *wan, *self.more_ports]))

    @property
    def ports(self) -> PortTable:
        """The bridge's ports, by OVSDB; what they are asked for raises as `database`."""
        return PortTable(self.database, self.ucpe.bridge)

    async def _session(self, protocol: str, connect: Callable[[], Awaitable[S]]) -> S:
        if protocol in self._unreachable:
            raise Unjudged(f"{protocol} is of no use: {self._unreachable[protocol]}")
        session = self._sessions.get(protocol)
        if session is not None and getattr(session, "failure", None):
            await session.close()
            session = None
        if session is None:
            self._sessions.pop(protocol, None)
            session = self._sessions[protocol] = await connect()
            self.reached.add(protocol)
        return session  # type: ignore[return-value]  # by protocol

    async def be_alone(self) -> None:
        """Hold a lock of the box's own (RFC 7047, 4.1.8), which ends with its session, however this process ends.

        Raises Busy while another check holds it.
        """
        try:
            session = await OvsdbClient.connect(self.endpoints[1], self._context)
            self._sessions["lock"] = session
            answer = await session.call("lock", [LOCK])
        except UcpeError:
            return  # a check of its own says so
        if isinstance(answer, dict) and answer.get("locked") is False:
            raise Busy(f"another check of {self.ucpe.id} is under way; wait until it has ended")
