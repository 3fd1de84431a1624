"""The event stream of a uCPE's Docker Engine: whose containers have ended.

One request, `GET /events` of the Engine API, that the engine answers for as long as it runs. Over HTTP/1.0, where the
body is the rest of the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlencode

from orchestrator.inventory import Ucpe
from orchestrator.model import UcpeRefused
from orchestrator.southbound.tls import Endpoint, client_context, describe, docker_endpoint

SERVICE = "lso.service"
"""Label of a container that holds the id of its service."""
ANSWER_SECONDS = 5.0
# Every end of a container comes with `die`, whether its process ended, or `kill`, `stop` or `oom` did it.
_FILTERS = {"type": ["container"], "event": ["die", "destroy"], "label": [SERVICE]}
_REQUEST = f"GET /events?{urlencode({'filters': json.dumps(_FILTERS)})} HTTP/1.0\r\n\r\n".encode()
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""A uCPE that loses its power says no word: within a minute the connection to it counts as lost."""

Ended = Callable[[Ucpe], AbstractAsyncContextManager[AsyncIterator[str]]]
"""Opens a stream of the ids of services of which a container has ended on that uCPE, each time that one has.

Raises UcpeUnreachable, UcpeRefused or InventoryError; so does the stream when it is lost, and it ends in no other way.
"""


@contextlib.asynccontextmanager
async def ended_containers(ucpe: Ucpe) -> AsyncIterator[AsyncIterator[str]]:
    """What `Ended` says, over the network."""
    endpoint = docker_endpoint(ucpe)
    reader, writer = await endpoint.open(client_context(ucpe))
    try:
        _keep_alive(writer.get_extra_info("socket"))
        writer.write(_REQUEST)
        await _accepted(endpoint, reader)
        yield _services(endpoint, reader)
    finally:
        writer.close()


def _keep_alive(connection: socket.socket) -> None:
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


async def _accepted(endpoint: Endpoint, reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise endpoint.unreachable(f"no answer to /events within {ANSWER_SECONDS:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise endpoint.unreachable(f"no answer to /events: {describe(error)}") from error
    status = head.partition(b"\r\n")[0].decode(errors="replace")
    if status.split()[1:2] != ["200"]:
        raise UcpeRefused(endpoint.ucpe, "docker", f"/events was answered {status[:80]!r}")


async def _services(endpoint: Endpoint, reader: asyncio.StreamReader) -> AsyncIterator[str]:
    try:
        while line := await reader.readline():
            yield json.loads(line)["Actor"]["Attributes"][SERVICE]
    except OSError as error:
        raise endpoint.unreachable(describe(error)) from error
    except (ValueError, LookupError, TypeError) as error:
        raise UcpeRefused(endpoint.ucpe, "docker", f"/events told something else: {error}") from error
    raise endpoint.unreachable("the engine has ended its events")
