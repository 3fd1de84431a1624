"""uvicorn's own HTTP protocol within bounds: its parser has none.

A request's header is bounded in size, fields and time, a message in time, and what nobody reads is not kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from presto.web.connections import EXTENSION, Gate, log

_NEVER = float("inf")
_BREATH = 0.1
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n"


class TooMuch(Exception):
    """A header is larger than the limit."""


class Bounded(HttpToolsProtocol):
    """A connection with limits on the size and time of its requests and answers."""

    def __init__(self, accepted: socket.socket, gate: Gate, **options: Any) -> None:
        super().__init__(**options)
        self._socket, self._gate, self._bounds = accepted, gate, gate.bounds
        self._dropped = False
        self._to_send, self._to_read = self.loop.time() + self._bounds.header_timeout, _NEVER
        self._in_message = self._in_header = self._delivered = False
        self._header = self._fields = self._undelivered = 0

    @property
    def deadline(self) -> float:
        """When the connection is closed, unless its client has sent or read what it must by then."""
        return min(self._to_send, self._to_read)

    @property
    def waits(self) -> bool:
        """Whether the server waits for the client."""
        return self.deadline < _NEVER or self.cycle is None or self.cycle.response_complete

    def admitted(self, client: str) -> None:
        """A request on it was accepted."""
        self._gate.admit(self, client)

    def drop(self) -> None:
        """Close the connection without an answer."""
        self._dropped = True
        if self.transport is not None:
            self.transport.abort()
        else:
            with suppress(OSError):  # it has gone by itself
                self._socket.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Its TLS handshake is done, where there is one."""
        if self._dropped:
            transport.abort()
        else:
            super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the connection's place back."""
        self._gate.leave(self)
        if self.transport is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass data to the parser; answer 400 when more than a header's size came without completing anything."""
        if not self._in_message and self._to_send == _NEVER:
            self._to_send = self.loop.time() + self._bounds.header_timeout
        self._delivered = False
        super().data_received(data)
        self._undelivered = 0 if self._delivered else self._undelivered + len(data)
        if self._undelivered > self._bounds.header and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Answer 400 with the reason, unless an answer to an earlier request is under way or due."""
        if self.cycle is not None:
            own = self._in_message and not self._in_header
            if self.pipeline or (self.cycle.response_started if own else not self.cycle.response_complete):
                self.transport.abort()
                return
        size, fields = self._bounds.header, self._bounds.fields
        if self._undelivered > size or self._header > size or self._fields > fields:
            msg = f"A header has at most {size} bytes and {fields} fields."
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Start to count the header of the next message."""
        super().on_message_begin()
        self._in_message = self._in_header = self._delivered = True
        self._header = self._fields = 0
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]  # an object of ours, not a dictionary

    def on_url(self, url: bytes) -> None:
        """Count the URL as part of the header."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a field; trailers are counted, and not passed on."""
        self._fields += 1
        self._count(len(name) + len(value) + 4)
        if self._in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body must arrive next, within `body_timeout`."""
        self._to_send = self.loop.time() + self._bounds.body_timeout
        if not self.url.startswith(b"/"):
            self._take_host()
        super().on_headers_complete()  # or the target is refused, and there is nothing yet that could be answered
        self._in_header = False

    def on_body(self, body: bytes) -> None:
        """Pass the body on; `BodyGuard` limits its size."""
        self._delivered = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The client has sent what it must."""
        self._in_message, self._delivered, self._to_send = False, True, _NEVER
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read: close the connection after `unread_timeout`."""
        self._to_read = self.loop.time() + self._bounds.unread_timeout
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._to_read = _NEVER
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._delivered = True
        self._header += size
        if self._header > self._bounds.header or self._fields > self._bounds.fields:
            raise TooMuch  # the parser stops there, and the answer is 400

    def _take_host(self) -> None:
        """An absolute target has a host, which stands for the header's (RFC 9112 section 3.2.2), and maybe no path."""
        scheme, _, rest = self.url.partition(b"://")
        authority = rest.partition(b"/")[0].partition(b"?")[0]
        path = rest.removeprefix(authority)
        if authority and not path.startswith(b"/"):
            self.url = scheme + b"://" + authority + b"/" + path
        named = [number for number, (name, _) in enumerate(self.headers) if name == b"host"]
        if authority and len(named) < 2:
            for number in named:
                del self.headers[number]
            self.headers.append((b"host", authority))


class Acceptor:
    """Takes connections in, each with a place at the gate before anything of it is read; with TLS or without."""

    def __init__(self, gate: Gate, tls: ssl.SSLContext | None = None) -> None:
        self._gate, self._tls = gate, tls
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, listener: socket.socket, config: uvicorn.Config, state: ServerState, shared: dict[str, Any]
    ) -> None:
        """Listen, and accept until `stop`."""
        listener.setblocking(False)
        listener.listen(config.backlog)
        self._begin(self._accept(listener, {"config": config, "server_state": state, "app_state": shared}))

    def stop(self) -> None:
        """Take nobody in any more."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, options: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError as error:
                log.warning("no connection can be accepted: %s", error.strerror)
                await asyncio.sleep(_BREATH)
                continue
            # An answer is written in two pieces, and not every loop has accepted sockets send the first at once.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Bounded(accepted, self._gate, **options)
            if self._gate.enter(connection):
                self._begin(self._welcome(connection, accepted))
            else:
                self._turn_away(accepted)

    async def _welcome(self, connection: Bounded, accepted: socket.socket) -> None:
        """Shake hands, in the time of a header, and have the connection served."""
        timeout = self._gate.bounds.header_timeout if self._tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=timeout
            )
        except OSError:
            self._gate.leave(connection)
            accepted.close()

    def _turn_away(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            accepted.setblocking(False)
            if self._tls is None:
                accepted.send(_FULL)
