"""What a callback may lead to: redirects, answers without end, silence, names that cannot be looked up, ourselves."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from presto.notify.register import Register
from presto.notify.settings import NotifySettings

from .conftest import INVENTORY, names, quick

pytestmark = pytest.mark.asyncio


async def test_a_name_that_cannot_be_looked_up_fails_as_others_do(serving: Any) -> None:
    """The hub refuses it now; a database may have one from before."""
    async with serving() as server:
        Register(server.core.engine).add("inventory", "http://a..b/", None)
    async with serving(quick(give_up=0.2)) as server:
        server.write("a")
        register = Register(server.core.engine)
        async with asyncio.timeout(60):
            while not (letters := register.dead_letters()):
                await asyncio.sleep(0.01)
        assert letters[0].attempts > 1
        assert letters[0].reason == "not connected: the callback names no host that can be looked up"


async def test_redirects_are_not_followed(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there, elsewhere = subscriber(), subscriber()
        await server.subscribe(there.callback)
        there.script = [f"{elsewhere.callback}/x"]
        server.write("a")
        await there.has(1)
        assert len(there.requests) == 2
        assert not elsewhere.requests


async def test_an_answer_without_end_is_cut(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [b"x" * 200_000]
        server.write("a", "b")
        await there.asked(2)
        there.hang = 0.0
        await there.has(1)
        assert names(there) == ["b"], "the first was answered 200; its body is not waited for"


@pytest.mark.parametrize(
    "end",
    [pytest.param(None, id="breaks off"), pytest.param(b"", id="stalls"), pytest.param(b"x", id="trickles")],
)
async def test_the_status_decides_and_not_the_body(serving: Any, end: bytes | None) -> None:
    """The body is announced with 100 bytes and is three, and after that what goes on."""
    asked: list[str] = []
    statuses = [b"503 Not Now"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().casefold()
        length = int(re.findall(r"content-length: (\d+)", head)[0])
        asked.append(json.loads(await reader.readexactly(length))["event"]["id"])
        status = statuses.pop() if statuses else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100\r\n\r\nabc")
        with suppress(ConnectionError):
            while end is not None and not writer.is_closing():
                writer.write(end)
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    there = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with there, serving(quick(answer_timeout=5)) as server:
        await server.subscribe(f"http://127.0.0.1:{there.sockets[0].getsockname()[1]}")
        server.write("a", "b", "c")
        async with asyncio.timeout(60):
            while "c" not in asked:
                await asyncio.sleep(0.01)
        assert asked == ["a", "a", "b", "c"]


@contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """Nothing that is sent there is answered: the queue of a socket that listens is full."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind((address, port))
        deaf.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


async def test_an_address_that_swallows_packets_is_passed_over(
    serving: Any, subscriber: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = subscriber()
    found = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, there.port)) for address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with ExitStack() as stack:
        for address in found[:-1]:
            stack.enter_context(swallowing(address, there.port))
        async with serving(quick(connect_timeout=1, answer_timeout=3)) as server:
            await server.subscribe(there.callback.replace("127.0.0.1", "client.example"))
            server.write("a")
            await there.has(1, timeout=6)  # as long as two attempts
            began = time.monotonic()
            server.write("b")
            await there.has(2)
            assert time.monotonic() - began < 1, "the address that answered is tried first"


async def test_a_name_server_that_does_not_answer_delays_nobody_else(
    serving: Any, subscriber: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, ended = subscriber(), threading.Event()

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        if host.startswith("dead"):
            ended.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", there.port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        async with serving(quick(answer_timeout=0.5)) as server:
            for number in range(40):
                await server.subscribe(f"http://dead-{number}.example")
            server.write("b", "c", "d", "e", "f")
            await server.failed(40)
            await server.subscribe(there.callback.replace("127.0.0.1", "client.example"))
            began = time.monotonic()
            server.write("a")
            await there.has(1)
            assert time.monotonic() - began < 4
    finally:
        ended.set()


async def test_callbacks_lead_nowhere_inside(serving: Any, subscriber: Any) -> None:
    """An address is refused at once; a name when it is looked up, which is for each attempt."""
    there = subscriber()
    async with serving(NotifySettings(first_delay=0.02, longest_delay=0.05)) as server:
        for callback in (there.callback, "http://169.254.169.254/latest", "http://[::1]:1", "http://0x7f.1"):
            answer = await server.http.post(f"{INVENTORY}/hub", json={"callback": callback})
            assert answer.status_code == 422, callback
            assert answer.json()[0]["propertyPath"] == "/callback"
        listener = await server.subscribe(there.callback.replace("127.0.0.1", "localhost"))
        server.write("a")
        register = Register(server.core.engine)
        async with asyncio.timeout(60):
            while not (state := {each.id: how for each, how in register.all()}[listener]).failures:
                await asyncio.sleep(0.02)
        assert state.fault is not None
        assert "loopback" in state.fault
        assert not there.requests
