"""What every request passes before an API sees it: the host that it was meant for, and its body's size and time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.findings import Tag
from common.json_text import BodyTooBig
from presto.web.connections import keep_connection
from presto.web.errors import Refusal, refuse
from presto.web.limits import BODY_SECONDS, LARGE_BODY, LARGEST_BODY

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


OTHER_HOST = Refusal(
    403, Tag.ACCESS_DENIED, "accessDenied", "This server does not answer for that host name", "Use 127.0.0.1."
)


NOT_ONE_HOST = Refusal(400, Tag.INVALID_VALUE, "invalidQuery", "The request has not one Host header", "Send one.")


class HostGuard:
    """Refuses requests for other host names than ours.

    A server on the loopback address can be reached by any web page that has its own name point there. Where
    authentication is off, it `admits` whoever asks for us.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], *, admits: bool = False) -> None:
        self._app, self._hosts, self._admits = app, hosts, admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400 (RFC 9112 section 3.2) or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif sum(name == b"host" for name, _ in scope["headers"]) != 1:
            await refuse(NOT_ONE_HOST, scope["path"])(scope, receive, send)
        elif _host(scope) not in self._hosts:
            await refuse(OTHER_HOST, scope["path"])(scope, receive, send)
        else:
            if self._admits:
                keep_connection(scope)
            await self._app(scope, receive, send)


ENCODED = Refusal(
    415,
    Tag.INVALID_VALUE,
    "invalidBody",
    "The body has a Content-Encoding, which is not taken here",
    "Send it as it is.",
    {"Accept-Encoding": "identity"},
)
TRANSFER_CODED = Refusal(
    501,
    Tag.OPERATION_NOT_SUPPORTED,
    "",
    "The request has a Transfer-Encoding other than chunked, which is not taken here",
    "Send it in chunks, or with its length.",
    {"Connection": "close"},
)

TOO_SLOW = Refusal(
    408, Tag.INVALID_VALUE, "", "The body did not arrive in time", "Send it faster.", {"Connection": "close"}
)


class BodyTooSlow(HTTPException):
    """A body does not arrive in time: APIs answer that as all that the framework refuses."""

    def __init__(self) -> None:
        super().__init__(TOO_SLOW.status, TOO_SLOW.reason, TOO_SLOW.headers)


_LONGEST_PAUSE = 1.0
"""Seconds between two large bodies; what waits for the disk meanwhile keeps nobody."""


class BodyGuard:
    """Refuses bodies that are too big, by their announced length or as they arrive, and those that do not arrive.

    A client that goes amid its body is answered nothing, which is no fault.

    Where clients are `known`, whoever is not may send less.
    """

    def __init__(self, app: ASGIApp, *, known: bool = False) -> None:
        self._app, self._known = app, known
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413, 415 or 501 (RFC 9112 section 6.1), and 408 where no API does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = LARGE_BODY if self._known and "principal" not in scope else LARGEST_BODY
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        refusal = _encoded(scope) or await self._passed(
            scope, _Exchange(receive, send, largest, deadline, _Turn(self._turns))
        )
        if refusal:
            await refuse(refusal, scope["path"])(scope, receive, send)

    async def _passed(self, scope: Scope, exchange: _Exchange) -> Refusal | None:
        """Pass the request on; returns why it is refused, if no API has said so."""
        try:
            exchange.check(_announced(scope))
            await self._app(scope, exchange.receive, exchange.send)
        except BodyTooBig as error:
            return _too_big(str(error))
        except BodyTooSlow:
            return TOO_SLOW
        except ClientDisconnect:
            return None
        finally:
            exchange.turn.release()
        return None


class _Exchange:
    """A request's body as it comes, and its answer."""

    def __init__(self, receive: Receive, send: Send, largest: int, deadline: float, turn: _Turn) -> None:
        self._receive, self._send, self._largest, self._deadline, self.turn = receive, send, largest, deadline, turn
        self._taken, self._complete, self._gone = 0, False, False

    def check(self, size: int) -> None:
        """Raises BodyTooBig."""
        if size > self._largest:
            raise BodyTooBig(f"The body is larger than {self._largest} bytes")

    async def receive(self) -> Message:
        """What comes next. Raises BodyTooBig, BodyTooSlow."""
        if self._complete:
            # After the body comes only the news that the client has gone, for which a stream waits as long as it lasts.
            return await self._receive()
        message = await _in_time(self._receive, self._deadline)
        self._gone = message["type"] == "http.disconnect"
        self._complete = not message.get("more_body", False)
        self._taken += len(message.get("body", b""))
        self.check(self._taken)
        if self._complete and self._taken > LARGE_BODY:
            await self.turn.acquire()
        return message

    async def send(self, message: Message) -> None:
        """Answer, unless the client has gone amid its body: then nothing was answered, and no fault is to be counted.

        The work is done: a stream, or a client that reads slowly, keeps nobody waiting.
        """
        self.turn.release()
        if not self._gone:
            await self._send(message)


class Turns:
    """Large bodies are read one after the other; a pause as long as the last one took leaves time for others."""

    def __init__(self) -> None:
        self._turn, self._free = asyncio.Lock(), 0.0

    async def acquire(self) -> float:
        """Wait for a turn; return when it begins, in seconds of the loop's time."""
        await self._turn.acquire()
        now = asyncio.get_running_loop().time
        try:
            await asyncio.sleep(max(0.0, self._free - now()))
        except BaseException:
            self._turn.release()
            raise
        return now()

    def release(self, begun: float) -> None:
        """End the turn that began at *begun*."""
        now = asyncio.get_running_loop().time()
        self._free = now + min(now - begun, _LONGEST_PAUSE)
        self._turn.release()


class _Turn:
    """The turn of one request, taken at most once."""

    def __init__(self, turns: Turns) -> None:
        self._turns, self._begun, self._over = turns, 0.0, True
        self._had = False

    async def acquire(self) -> None:
        """Wait for the turn, the first time that it is called."""
        if not self._had:
            self._begun = await self._turns.acquire()
            self._had, self._over = True, False

    def release(self) -> None:
        """End the turn, once."""
        if not self._over:
            self._over = True
            self._turns.release(self._begun)


def _too_big(reason: str) -> Refusal:
    """The rest of the body may stay unread, so the connection is of no more use."""
    return Refusal(413, Tag.TOO_BIG, "invalidBody", reason, "Send less.", {"Connection": "close"})


async def _in_time(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise BodyTooSlow from None


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _encoded(scope: Scope) -> Refusal | None:
    """Why the body cannot be read as it comes, if so."""
    if _codings(scope, "transfer-encoding") not in ([], ["chunked"]):
        return TRANSFER_CODED
    return None if set(_codings(scope, "content-encoding")) <= {"", "identity"} else ENCODED


def _codings(scope: Scope, name: str) -> list[str]:
    """Those of all lines of that name."""
    lines = Headers(scope=scope).getlist(name)
    return [coding.strip().casefold() for line in lines for coding in line.split(",")]


def _host(scope: Scope) -> str:
    name, _, port = _header(scope, b"host").casefold().rpartition(":")
    return name if port.isdigit() and name else _header(scope, b"host").casefold()


def _announced(scope: Scope) -> int:
    text = _header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
