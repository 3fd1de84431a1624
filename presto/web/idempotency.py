"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) for all requests that order, on all APIs."""

from __future__ import annotations

import asyncio
import logging
import re
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.database import CONNECTION_ERRORS
from common.findings import Tag
from presto.auth.principal import Principal
from presto.persistence.idempotency import LONGEST_KEY, SCOPE, KeptAnswer, KeyedRequest, Keys, kept_headers
from presto.web.errors import UNAVAILABLE, Refusal, refuse

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_READING = re.compile(r"/restconf/operations/([^/]*:)?get-[^/]*/?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')

WRONG_KEY = Refusal(
    400,
    Tag.INVALID_VALUE,
    "invalidQuery",
    f"{HEADER} is not one key of 1 to {LONGEST_KEY} printable ASCII characters",
    'Send one, such as "8e03978e-40d5-43e8-bc93-6894a57f9324".',
)
OTHER_REQUEST = Refusal(
    422,
    Tag.INVALID_VALUE,
    "otherIssue",
    f"This {HEADER} came with another request before",
    "Take a new key for each request; repeat a request unchanged.",
)
UNDER_WAY = Refusal(
    409,
    Tag.IN_USE,
    "conflict",
    f"A request with this {HEADER} is being worked on",
    "Repeat it in a moment.",
    {"Retry-After": "1"},
)
ANSWER_LOST = Refusal(
    409,
    Tag.IN_USE,
    "conflict",
    "This request was carried out, and the server was stopped before its answer was kept",
    "Look at what it made; do not send it with another key.",
)


class IdempotencyGuard:
    """Answers a repeated request as it did the first time, and carries it out once.

    Where clients are `known`, requests without a token have no owner, so nothing of it is kept: tokens least of all.
    """

    def __init__(self, app: ASGIApp, keys: Keys, *, known: bool) -> None:
        self._app, self._keys, self._known = app, keys, known
        self._busy: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what has no key; answer 400, 409 and 422 as the draft says."""
        given = _given(scope)
        if not given or (self._known and "principal" not in scope):
            await self._app(scope, receive, send)
            return
        key = _key(given)
        if key is None:
            await refuse(WRONG_KEY, scope["path"])(scope, receive, send)
            return
        body = await _body(receive)
        keyed = KeyedRequest(_owner(scope), key, _fingerprint(scope, body), self._keys.kept)
        place = (keyed.owner, key)
        if place in self._busy:
            await refuse(UNDER_WAY, scope["path"])(scope, receive, send)
            return
        self._busy.add(place)
        try:
            await (await self._answer(keyed, body, scope["path"]))(scope, receive, send)
        finally:
            self._busy.discard(place)

    async def _answer(self, keyed: KeyedRequest, body: bytes, path: str) -> ASGIApp:
        try:
            return await self._repeated(keyed, path) or self._first(keyed, body)
        except CONNECTION_ERRORS:
            return refuse(UNAVAILABLE, path)

    async def _repeated(self, keyed: KeyedRequest, path: str) -> ASGIApp | None:
        """The answer to a request that came before."""
        known = await asyncio.to_thread(self._keys.find, keyed.owner, keyed.key)
        if known is None:
            return None
        if known.fingerprint != keyed.fingerprint:
            return refuse(OTHER_REQUEST, path)
        return _response(known.answer) if known.answer else refuse(ANSWER_LOST, path)

    def _first(self, keyed: KeyedRequest, body: bytes) -> ASGIApp:
        async def carry_out(scope: Scope, receive: Receive, send: Send) -> None:
            caught = _HeldResponse()
            try:
                await self._app({**scope, SCOPE: keyed}, _again(body, receive), caught.send)
            except Exception:
                if caught.status:
                    await _response(caught.answer())(scope, receive, send)
                raise
            await (await self._settled(keyed, caught.answer(), scope["path"]))(scope, receive, send)

        return carry_out

    async def _settled(self, keyed: KeyedRequest, answer: KeptAnswer, path: str) -> ASGIApp:
        """The answer to send. What was refused is not kept: nothing was ordered, and the client may correct it."""
        if answer.status < 400 and keyed.stored and keyed.answer:
            return _response(keyed.answer)
        try:
            if answer.status >= 400:
                # Unless another server took in the same request at the same time, which is why this one refused it.
                return await self._repeated(keyed, path) or _response(answer)
            await asyncio.to_thread(self._keys.complete, keyed, answer)
        except CONNECTION_ERRORS as error:
            log.warning("the answer to %s is not kept: %s", path[:120], getattr(error, "orig", None) or error)
        return _response(answer)


def _owner(scope: Scope) -> str:
    """The client that asks: the keys of others are none of its."""
    principal: Principal | None = scope.get("principal")
    return principal.client if principal else ""


class _HeldResponse:
    """A response that is held back until it is kept."""

    def __init__(self) -> None:
        self.status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = tuple(Headers(raw=message.get("headers", [])).items())
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def answer(self) -> KeptAnswer:
        return KeptAnswer(self.status, kept_headers(self._headers), bytes(self._body))


def _response(answer: KeptAnswer) -> Response:
    response = Response(answer.body, answer.status)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _given(scope: Scope) -> list[str]:
    """The keys of a request that may order something; operations that only read need none."""
    if scope["type"] != "http" or scope["method"] not in _METHODS or _READING.fullmatch(scope["path"]):
        return []
    return Headers(scope=scope).getlist(HEADER)


def _key(given: list[str]) -> str | None:
    """The key: a string of RFC 8941, as the draft has it, or the bare characters, as many clients send it."""
    text = given[0].strip()
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    fits = len(given) == 1 and 0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()
    return key if fits and (quoted or '"' not in key) else None


def _fingerprint(scope: Scope, body: bytes) -> str:
    target = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n"
    return sha256(target.encode() + body).hexdigest()


async def _body(receive: Receive) -> bytes:
    """The whole of it. Raises ClientDisconnect, as the framework does, when its end does not come."""
    pieces, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
