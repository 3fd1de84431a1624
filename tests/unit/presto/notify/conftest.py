"""Real subscribers over HTTP, and a server with notifications that tries again quickly."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from starlette.types import ASGIApp, Receive, Scope, Send

from common.database import WRITES
from presto.notify.register import Register
from presto.notify.settings import NotifySettings
from presto.persistence.events import EventType, NewEvent, append, committed
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer
from presto_api.mef.notifications import Notification
from presto_client.listener import create_listener
from presto_client.signatures import Verifier

from ....ports import free_port

ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"
QUICK = NotifySettings(development=True, first_delay=0.02, longest_delay=0.1, answer_timeout=5)
DOCS = Path(__file__).parents[4] / "docs" / "presto-mef.md"


class Subscriber:
    """The listener twin on a port of its own. `script` has what the next requests are answered with instead of by it.

    A number is a status, a pair of numbers a status with the seconds of `Retry-After`, a text a place to be sent to,
    bytes a body that goes on and on.
    """

    def __init__(self, verifier: Verifier | None = None) -> None:
        self.port = free_port()
        self.callback = f"http://127.0.0.1:{self.port}/listening"
        self.taken: list[Notification] = []
        self.requests: list[tuple[float, str, dict[str, str], bytes]] = []
        self.script: list[int | tuple[int, int] | str | bytes] = []
        self.hang: float = 0.0
        listener = create_listener(self._take, verifier)
        self._app: Any = _below("/listening", self._scripted(listener))
        self._server: BackgroundServer | None = None

    def up(self) -> None:
        self._server = BackgroundServer(self._app, port=self.port)
        self._server.start()

    def down(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    async def has(self, count: int, timeout: float = 60.0) -> list[Notification]:
        """Once it has taken that many."""
        async with asyncio.timeout(timeout):
            while len(self.taken) < count:
                await asyncio.sleep(0.005)
        return self.taken

    async def asked(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.requests) < count:
                await asyncio.sleep(0.005)

    async def _take(self, event: Notification) -> None:
        self.taken.append(event)

    async def _hang(self) -> None:
        """Until the time is over or the test is."""
        began = time.monotonic()
        while time.monotonic() - began < self.hang:
            await asyncio.sleep(0.01)

    def _scripted(self, app: ASGIApp) -> ASGIApp:
        async def scripted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            message = await receive()
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.requests.append((time.monotonic(), scope["path"], headers, message["body"]))
            await self._hang()
            answer = self.script.pop(0) if self.script else None
            if answer is None:
                await app(scope, _once(message), send)
                return
            await send(_start(answer))
            if isinstance(answer, bytes):
                await send({"type": "http.response.body", "body": answer, "more_body": True})
                self.hang = 30.0
                await self._hang()
            await send({"type": "http.response.body", "body": b"secret"})

        return scripted


def quick(**changed: Any) -> NotifySettings:
    """Settings of a server that tries again soon."""
    return NotifySettings(development=True, first_delay=0.02, longest_delay=0.1, **changed)


def names(subscriber: Subscriber) -> list[str]:
    """The ids that the events were about which it has taken."""
    return [event.event.id for event in subscriber.taken]


def _start(answer: int | tuple[int, int] | str | bytes) -> Any:
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(answer, tuple):
        status, headers = answer[0], [(b"retry-after", str(answer[1]).encode())]
    elif isinstance(answer, str):
        status, headers = 302, [(b"location", answer.encode())]
    else:
        status = answer if isinstance(answer, int) else 200
    return {"type": "http.response.start", "status": status, "headers": headers}


def _once(message: Any) -> Receive:
    async def receive() -> Any:
        return message

    return receive


def _below(prefix: str, app: ASGIApp) -> ASGIApp:
    """Serve an application below a path, and nothing elsewhere."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(prefix), scope["path"]
            scope = {**scope, "root_path": prefix}
        await app(scope, receive, send)

    return served


class Server:
    """The application with its notifications, and the events that a test writes."""

    def __init__(self, http: httpx.AsyncClient, core: Core) -> None:
        self.http, self.core = http, core

    async def subscribe(self, callback: str, base: str = INVENTORY, query: str | None = None) -> str:
        answer = await self.http.post(f"{base}/hub", json={"callback": callback, **({"query": query} if query else {})})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    async def failed(self, count: int, fault: str = "") -> None:
        """Once the last attempt at so many listeners has failed, for that reason."""
        register = Register(self.core.engine)
        async with asyncio.timeout(60):
            while sum(fault in (state.fault or "") for _, state in register.all() if state.failures) < count:
                await asyncio.sleep(0.01)

    def write(self, *names: str, engine: Engine | None = None) -> None:
        """One event for each name, of a service that became active."""
        events = [NewEvent(EventType.SERVICE_STATE_CHANGE, name, None, "active") for name in names]
        with (engine or self.core.engine).execution_options(**{WRITES: True}).begin() as connection:
            append(connection, events)
        committed()


@pytest.fixture
def subscriber() -> Iterator[Callable[..., Subscriber]]:
    made: list[Subscriber] = []

    def make(verifier: Verifier | None = None, *, up: bool = True) -> Subscriber:
        made.append(Subscriber(verifier))
        if up:
            made[-1].up()
        return made[-1]

    yield make
    for each in made:
        each.hang = 0.0
        each.down()


@pytest.fixture
def serving(new_core: Callable[..., Core]) -> Any:
    """A context in which the application runs, over the same database each time."""

    @asynccontextmanager
    async def serve(settings: NotifySettings = QUICK) -> AsyncIterator[Server]:
        core = new_core()
        app = create_app(core, notifications=settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
        ):
            yield Server(http, core)

    return serve


@pytest.fixture
def example() -> Any:
    """The order that the documentation shows."""
    return json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0])
