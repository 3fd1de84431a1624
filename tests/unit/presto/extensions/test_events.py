"""The event stream over a real server: live, replayed, filtered, after a lost connection; and what stands beside it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from common.database import WRITES
from presto.extensions import events as extension
from presto.extensions.events import Streams, Wanted
from presto.notify.register import DeadLetter, DeliveryState, Register
from presto.persistence.event_log import EventLog
from presto.persistence.events import EventType, NewEvent, append, committed
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer

pytestmark = pytest.mark.asyncio
STREAM = "/presto-sdwan/v1/event/stream"
CHANGE, CREATE = EventType.SERVICE_STATE_CHANGE, EventType.SERVICE_CREATE


class Stream:
    """The client's side: frames as pairs of id and data, with the last id as a browser keeps it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._frames = self._read()

    async def _read(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        fields: dict[str, str] = {}
        async for line in self.answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                yield fields["event"], json.loads(fields["data"])
            fields = {}

    async def take(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        async with asyncio.timeout(60):
            return [await anext(self._frames) for _ in range(count)]


class Served:
    """The application on a real server."""

    def __init__(self, core: Core, url: str) -> None:
        self.core, self.url = core, url

    def write(self, *names: str, kind: EventType = CHANGE, service: str = "swvc") -> None:
        events = [NewEvent(kind, name, service, "active") for name in names]
        with self.core.engine.execution_options(**{WRITES: True}).begin() as connection:
            append(connection, events)
        committed()

    @asynccontextmanager
    async def stream(self, last_id: str = "", **query: Any) -> AsyncIterator[Stream]:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=60) as http,
            http.stream("GET", STREAM, params=query, headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield Stream(answer)


@pytest.fixture
def served(new_core: Callable[..., Core]) -> Iterator[Served]:
    core = new_core()
    with BackgroundServer(create_app(core)) as server:
        yield Served(core, server.url)


def names(frames: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [data["event"]["id"] for _, data in frames]


async def test_events_come_as_they_happen(served: Served) -> None:
    served.write("before")
    async with served.stream() as stream:
        served.write("a", "b")
        first, second = await stream.take(2)
    assert first[0] == "serviceStateChangeEvent"
    assert first[1]["event"] == {"id": "a", "state": "active"}
    assert first[1]["service"] == "swvc"
    assert names([first, second]) == ["a", "b"]
    assert stream.last_id == "3"


async def test_who_comes_back_misses_nothing_and_sees_nothing_twice(served: Served) -> None:
    all_names = [f"service-{number}" for number in range(600)]
    served.write(*all_names[:250])
    async with served.stream(since=0) as stream:
        seen = names(await stream.take(100))
    served.write(*all_names[250:])
    while len(seen) < 600:
        async with served.stream(stream.last_id, since=0) as stream:
            seen += names(await stream.take(min(250, 600 - len(seen))))
    assert seen == all_names


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"type": "serviceCreateEvent"}, ["c1", "c2"], id="a type"),
        pytest.param({"type": ["serviceCreateEvent", "serviceStateChangeEvent"]}, ["c1", "s1", "c2", "s2"], id="types"),
        pytest.param({"service": "two"}, ["c2", "s2", "d2"], id="a service"),
        pytest.param({"service": "s1"}, ["s1"], id="a part of a service"),
        pytest.param({"service": "one", "type": "serviceDeleteEvent"}, ["d1"], id="both"),
    ],
)
async def test_only_what_is_asked_for(served: Served, query: dict[str, Any], expected: list[str]) -> None:
    for number, service in enumerate(("one", "two"), 1):
        served.write(f"c{number}", kind=CREATE, service=service)
        served.write(f"s{number}", service=service)
        served.write(f"d{number}", kind=EventType.SERVICE_DELETE, service=service)
    served.write("last", kind=EventType.SERVICE_DELETE, service="three")
    async with served.stream(since=0, **query) as stream:
        assert names(await stream.take(len(expected))) == expected


async def test_a_quiet_stream_lives_and_moves_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "HEARTBEAT", 0.05)
    streams = Streams(served.core.events)
    frames = await streams.open(0, Wanted(frozenset({CREATE}), frozenset()))
    assert await anext(frames) == b"retry: 1000\n\n"
    served.write("not", "asked", "for")
    async with asyncio.timeout(60):
        while await anext(frames) != b"id: 3\n\n":
            pass


async def test_what_is_forgotten_is_told(served: Served) -> None:
    served.write(*map(str, range(20)))
    short = EventLog(served.core.engine, kept=5)
    while short.prune():
        pass
    async with served.stream(since=3) as stream:
        assert (await stream.take(1))[0] == ("truncated", {"oldest": 16})
        assert names(await stream.take(5)) == ["15", "16", "17", "18", "19"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"since": 7}, {}),
        ({}, {"Last-Event-ID": "7"}),
        ({"since": -1}, {}),
        ({"type": "noEvent"}, {}),
        ({"since": "x"}, {}),
    ],
)
async def test_streams_that_make_no_sense(face: Any, query: dict[str, Any], headers: dict[str, str]) -> None:
    await face.problem("GET", "/event/stream", 422, params=query, headers=headers)


async def test_of_services_that_there_are(face: Any, client: Any, order: dict[str, Any], new_core: Any) -> None:
    """A name is as good as an id; what is not known is told with what is, and what is gone is in the log still."""
    problem = await face.problem("GET", "/event/stream", 404, params={"service": ["acme", "no", "acmee"]})
    assert [(one["pointer"], one["message"]) for one in problem["findings"]] == [
        ("/service", f'There is no service "{name}"') for name in ("acme", "no", "acmee")
    ]
    placed = await client.call("create-connectivity-service", order)
    service = placed.json()["output"]["service"]["uuid"]
    problem = await face.problem("GET", "/event/stream", 404, params={"service": "acmee"})
    assert problem["findings"][0]["hint"] == 'Did you mean "acme"?'
    for ended in (False, True):
        if ended:
            await client.call("delete-connectivity-service", {"service-id-or-name": service})
            await client.until_gone(service)
            await face.problem("GET", "/event/stream", 404, params={"service": "acme"})
        with BackgroundServer(create_app(new_core())) as server:
            for name in {service, service if ended else "acme"}:
                async with Served(client.core, server.url).stream(service=name, since=0) as stream:
                    ((kind, data),) = await stream.take(1)
                    assert (kind, data["service"]) == ("serviceCreateEvent", service)
    await face.problem("GET", "/event/stream", 422, params={"service": ["acme"] * 101})


async def test_there_is_a_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_STREAMS", 1)
    async with served.stream(), httpx.AsyncClient(base_url=served.url) as http:
        assert (await http.get(STREAM)).status_code == 503
    async with asyncio.timeout(60):
        while True:
            async with httpx.AsyncClient(base_url=served.url) as http, http.stream("GET", STREAM) as answer:
                if answer.status_code == 200:
                    break
            await asyncio.sleep(0.05)


async def test_a_server_that_stops_ends_its_streams(new_core: Callable[..., Core]) -> None:
    core = new_core()
    server = BackgroundServer(create_app(core))
    server.start()
    async with Served(core, server.url).stream() as stream:
        began = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        with pytest.raises(StopAsyncIteration):
            await stream.take(1)
        await stopping
    assert time.monotonic() - began < 4, "nobody had to be cut off"


async def test_keys_and_dead_letters(face: Any, client: Any) -> None:
    (key,) = (await face.get("/event/key"))["keys"]
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
    assert "d" not in key, "the private half"
    assert await face.get("/event/deadLetter") == []
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    values: dict[str, Any] = {
        "api": "ordering",
        "callback": "http://c",
        "body": {"eventId": "1"},
        "attempts": 3,
        "reason": "answered 503",
    }
    for number in range(3):
        letter = DeadLetter(listener=f"l{number % 2}", sequence=number, time=moment, **values)
        Register(client.core.engine).add_dead_letter(letter, DeliveryState(number))
    assert [letter["sequence"] for letter in await face.get("/event/deadLetter")] == [2, 1, 0]
    problem = await face.problem("GET", "/event/deadLetter", 404, params={"listener": "l7"})
    assert problem["detail"] == 'There is no listener "l7"'
    hub = "/mefApi/legato/serviceInventory/v7/hub"
    there = (await client.http.post(hub, json={"callback": "https://listener.example/x"})).json()["id"]
    assert await face.get("/event/deadLetter", params={"listener": there}) == []
    (shown,) = await face.get("/event/deadLetter", params={"listener": "l1"})
    assert shown == {**values, "listener": "l1", "sequence": 1, "time": "2026-03-01T00:00:00+00:00"}
