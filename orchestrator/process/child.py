"""The orchestrator's own process: `python -m orchestrator.process.child DESCRIPTOR`, started by `parent`.

It ends at once when the other end of the socket is closed, so nothing works on behalf of a process that is dead: what
was under way is recorded, and taken up by whoever comes next.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from orchestrator.inventory import Inventory
from orchestrator.model import OrchestratorError, ServiceEvent
from orchestrator.process.messages import Call, Cancel, End, Hello, Make, Progress, Use, messages, packed
from orchestrator.service import Orchestrator

log = logging.getLogger(__name__)


class _Server:
    """Does what it is told, many calls at once, in the order in which they were told."""

    def __init__(self, stream: socket.socket, make: Make) -> None:
        self._stream, self._make = stream, make
        self._inventory: Inventory | None = None
        self._made: Orchestrator | None = None
        self._making = asyncio.Lock()
        self._calls: dict[int, asyncio.Task[None]] = {}

    def receive(self, message: Any) -> None:
        """Take up one message, in the event loop."""
        match message:
            case Use(inventory):
                self._inventory = inventory
                if self._made:
                    self._made.use(inventory)
            case Call():
                self._calls[message.number] = asyncio.create_task(self._answer(message))
            case Cancel(number) if number in self._calls:
                self._calls[number].cancel()

    async def _orchestrator(self) -> Orchestrator:
        """Made for the first call, which learns why that was not possible; the next one tries again."""
        async with self._making:
            if self._inventory is None:
                raise RuntimeError("no inventory came before the first call")
            if self._made is None:
                made = await asyncio.to_thread(self._make, self._inventory)
                made.use(self._inventory)  # of now: another may have come meanwhile
                self._made = made
                gc.freeze()  # lives as long as the process: not to be looked through again and again
        return self._made

    async def _answer(self, call: Call) -> None:
        def tell(event: ServiceEvent) -> None:
            self._send(Progress(call.number, event))

        try:
            method = getattr(await self._orchestrator(), call.method)
            value = await method(*call.arguments, *([tell] if call.tells else []))
        except asyncio.CancelledError:
            self._end(call, error=None)
        except Exception as error:  # it is raised where the call was made
            if not isinstance(error, OrchestratorError):
                log.exception("%s failed", call.method)
            self._end(call, error=error)
        else:
            self._end(call, value)

    def _end(self, call: Call, value: Any = None, error: Exception | None = None) -> None:
        del self._calls[call.number]
        try:
            self._send(End(call.number, value, error))
        except (pickle.PicklingError, TypeError, AttributeError):
            log.exception("%s: its end cannot be told", call.method, exc_info=error)
            self._send(End(call.number, None, RuntimeError(f"{type(error or value).__name__} cannot be told")))

    def _send(self, message: object) -> None:
        octets = packed(message)
        try:
            self._stream.sendall(octets)
        except OSError:
            os._exit(0)


async def _serve(stream: socket.socket, make: Make, incoming: Iterator[Any]) -> None:
    server, loop = _Server(stream, make), asyncio.get_running_loop()

    def read() -> None:
        try:
            for message in incoming:
                loop.call_soon_threadsafe(server.receive, message)
        finally:  # closed, or cut off in the middle of a message
            os._exit(0)

    threading.Thread(target=read, name="orchestrator calls", daemon=True).start()
    await loop.create_future()


def main(descriptor: int) -> None:
    """Serve the other end of the socket until it is closed."""
    stream = socket.socket(fileno=descriptor)
    incoming = messages(stream)
    hello: Hello = next(incoming)
    logging.basicConfig(level=hello.level, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(stream, hello.make, incoming))


if __name__ == "__main__":
    main(int(sys.argv[1]))
