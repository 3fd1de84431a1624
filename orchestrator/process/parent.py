"""The orchestrator in a process of its own, for a server that must answer while services are carried out.

What carries services out takes ten times the processor time of what takes orders, and one interpreter runs one thread
at a time. The process dies with this one, and is started again when it died alone.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import pickle
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from orchestrator.inventory import Inventory
from orchestrator.model import (
    DeploymentObservation,
    EventListener,
    OrchestratorError,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    SiteMeasurement,
)
from orchestrator.process.messages import HEAD, Call, Cancel, End, Hello, Make, Progress, Use, packed
from orchestrator.service import Orchestrator
from orchestrator.store import Store

log = logging.getLogger(__name__)

TIMES = 2
"""How often a call is made before it counts as what kills the process; each may be made again at any time."""
GIVE_UP = 5.0
"""Seconds that the process gets to give a call up."""


class OrchestratorProcess(Orchestrator):
    """The orchestrator whose work is done there: `make` makes one from an inventory, over the database of `store`."""

    def __init__(self, inventory: Inventory, store: Store, make: Make) -> None:
        super().__init__(inventory, store)
        self._make = make
        self._link: _Link | None = None
        self._linking = asyncio.Lock()
        self._closed = False

    def start(self) -> None:
        """Have the process load now; without this the first call starts it, and waits that long."""
        self._link = _Link.start(self._make)

    def close(self) -> None:
        """End the process, whatever it is doing, and close the database."""
        self._closed = True
        if self._link:
            self._link.close()
        super().close()

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        """As `Orchestrator.deploy`."""
        outcome: ServiceOutcome = await self._call("deploy", request, on_event=on_event)
        return outcome

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        """As `Orchestrator.remove`."""
        outcome: ServiceOutcome = await self._call("remove", service_id, on_event=on_event)
        return outcome

    async def observe(self, service_id: str) -> ServiceObservation:
        """As `Orchestrator.observe`."""
        observation: ServiceObservation = await self._call("observe", service_id)
        return observation

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        """As `Orchestrator.gateway`."""
        observation: DeploymentObservation = await self._call("gateway", service_id, ucpe)
        return observation

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        """As `Orchestrator.measure`."""
        measured: tuple[SiteMeasurement, ...] = await self._call("measure", service_id, targets, echoes)
        return measured

    async def heal(self, on_event: EventListener | None = None) -> None:
        """As `Orchestrator.heal`."""
        await self._call("heal", on_event=on_event)

    async def _call(self, method: str, *arguments: Any, on_event: EventListener | None = None) -> Any:
        for _ in range(TIMES):
            with suppress(_Gone):
                link = await self._open()
                return await link.call(method, arguments, on_event)
        raise OrchestratorError(f"the orchestrator's process died {TIMES} times of this; see the server's log")

    async def _open(self) -> _Link:
        """The link to a process that lives and has the inventory of now."""
        async with self._linking:
            if self._closed:
                raise OrchestratorError("the server stops; what is not done is taken up at its next start")
            if self._link and self._link.gone:
                self._link.close()
                self._link = None
            link = self._link = self._link or _Link.start(self._make)
            await link.open()
        link.use(self._inventory)
        return link


class _Gone(Exception):
    """The process has died before it answered."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call under way; its end is None when the process has died."""

    end: asyncio.Future[End | None]
    on_event: EventListener | None


class _Link:
    """A process, and the calls that it works on. It loads from `start` on; calls come after `open`."""

    def __init__(self, process: subprocess.Popen[bytes], ours: socket.socket) -> None:
        self._process, self._socket = process, ours
        self._numbers = itertools.count()
        self._calls: dict[int, _Waiting] = {}
        self._inventory: Inventory | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._opened = self.gone = False

    @classmethod
    def start(cls, make: Make) -> _Link:
        """Start a process."""
        ours, theirs = socket.socketpair()
        with theirs:
            there = theirs.fileno()
            command = [sys.executable, "-m", "orchestrator.process.child", str(there)]
            # In a session of its own, so that an interrupt from the keyboard ends the server first.
            process = subprocess.Popen(command, pass_fds=[there], start_new_session=True)
        ours.sendall(packed(Hello(tuple(sys.path), log.getEffectiveLevel(), make)))
        return cls(process, ours)

    async def open(self) -> None:
        """Listen to the process."""
        if not self._opened:
            self._opened = True
            reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
            self._listening = asyncio.create_task(self._listen(reader), name="orchestrator's process")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.gone = True
        self._process.kill()
        self._process.wait()
        if not self._opened:
            self._socket.close()

    def use(self, inventory: Inventory) -> None:
        """What is called from here on is about these uCPEs."""
        if inventory is not self._inventory:
            self._inventory = inventory
            self._send(Use(inventory))

    async def call(self, method: str, arguments: tuple[Any, ...], on_event: EventListener | None) -> Any:
        """Have it done. One that is cancelled returns when it has been given up there too. Raises _Gone."""
        number, waiting = next(self._numbers), _Waiting(asyncio.get_running_loop().create_future(), on_event)
        self._calls[number] = waiting
        try:
            self._send(Call(number, method, arguments, tells=on_event is not None))
            # Not the future itself: it must stay when we are cancelled, to tell when the call has ended.
            await asyncio.wait([waiting.end])
            return _value(waiting.end.result())
        except asyncio.CancelledError:
            with suppress(_Gone):
                self._send(Cancel(number))
                await asyncio.wait([waiting.end], timeout=GIVE_UP)
            raise
        finally:
            del self._calls[number]

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(HEAD), "big")
                self._hear(pickle.loads(await reader.readexactly(size)))  # noqa: S301  # nobody else has the socket
        except (asyncio.IncompleteReadError, ConnectionError):
            if not self.gone:
                log.error("the orchestrator's process died; it is started again")
        finally:  # whatever it was, nobody waits for an end that is not heard
            self._give_up()

    def _give_up(self) -> None:
        self.gone = True
        if self._writer:
            self._writer.close()
        for waiting in self._calls.values():
            if not waiting.end.done():
                waiting.end.set_result(None)

    def _hear(self, message: Any) -> None:
        waiting = self._calls.get(message.number)
        match message:
            case Progress(event=event) if waiting and waiting.on_event:
                waiting.on_event(event)
            case End() if waiting and not waiting.end.done():
                waiting.end.set_result(message)

    def _send(self, message: object) -> None:
        if self._writer is None or self.gone:
            raise _Gone
        self._writer.write(packed(message))


def _value(end: End | None) -> Any:
    if end is None:
        raise _Gone
    if end.error:
        raise end.error
    return end.value
