"""Large bodies wait for each other, and leave time for everything else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from presto.web.guards import BodyGuard
from presto.web.limits import LARGE_BODY

pytestmark = pytest.mark.asyncio


class App:
    """Keeps the loop busy for a while with each body, as validating it does. Large ones wait for the gate to open."""

    def __init__(self, busy: float = 0.0) -> None:
        self.busy, self.times = busy, list[tuple[float, float]]()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _scope: Any, receive: Any, _send: Any) -> None:
        if len((await receive())["body"]) > LARGE_BODY:
            await self.gate.wait()
        start = time.monotonic()
        time.sleep(self.busy)
        await asyncio.sleep(0)
        self.times.append((start, time.monotonic()))


async def posted(guard: BodyGuard, size: int) -> None:
    scope = {"type": "http", "path": "/", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a" * size}

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is refused")

    await guard(scope, receive, send)


async def test_large_bodies_come_one_after_the_other_with_pauses() -> None:
    app = App(0.05)
    guard = BodyGuard(app)
    await asyncio.gather(*(posted(guard, LARGE_BODY + 1) for _ in range(3)))
    pauses = [begun - ended for (_, ended), (begun, _) in zip(app.times, app.times[1:], strict=False)]
    assert len(pauses) == 2
    assert min(pauses) >= 0.05


async def test_small_ones_do_not_wait() -> None:
    app = App()
    guard = BodyGuard(app)
    app.gate.clear()
    large = [asyncio.create_task(posted(guard, LARGE_BODY + 1)) for _ in range(2)]
    await asyncio.sleep(0)  # one has its turn, the other waits
    async with asyncio.timeout(60):
        await posted(guard, LARGE_BODY)
    assert len(app.times) == 1
    app.gate.set()
    await asyncio.gather(*large)
    assert len(app.times) == 3


async def test_who_has_gone_while_he_waited_keeps_no_turn() -> None:
    app = App()
    guard = BodyGuard(app)
    app.gate.clear()
    first, gone = (asyncio.create_task(posted(guard, LARGE_BODY + 1)) for _ in range(2))
    await asyncio.sleep(0)  # one has its turn, the other waits
    gone.cancel()
    app.gate.set()
    await first
    async with asyncio.timeout(60):
        await posted(guard, LARGE_BODY + 1)


async def test_an_answer_without_end_keeps_no_turn() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start"})
        await receive()  # as streams wait for their client to go
        await asyncio.Event().wait()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a" * (LARGE_BODY + 1)}

    started = asyncio.Queue[Any]()
    guard = BodyGuard(app)
    scope = {"type": "http", "path": "/", "headers": []}
    streams = [asyncio.create_task(guard(scope, receive, started.put)) for _ in range(2)]
    async with asyncio.timeout(60):
        for _ in streams:
            await started.get()
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
