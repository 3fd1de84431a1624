"""Requests before work in the background."""

from __future__ import annotations

import asyncio

import pytest

from presto.service import request_priority
from presto.service.request_priority import RequestPriority


class Pieces:
    """Pieces of work that are as long as they are let."""

    def __init__(self, way: RequestPriority, count: int) -> None:
        self.under_way = 0
        self._end = asyncio.Semaphore(0)
        self._tasks = [asyncio.create_task(self._work(way)) for _ in range(count)]

    async def _work(self, way: RequestPriority) -> None:
        async with way.turn():
            self.under_way += 1
            await self._end.acquire()
            self.under_way -= 1

    def end_one(self) -> None:
        """Let the first one end."""
        self._end.release()

    async def stop(self) -> None:
        """Leave the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def settled() -> None:
    """Everything that can go on without waiting for time has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def begun(pieces: Pieces, count: int) -> None:
    """So many are under way."""
    async with asyncio.timeout(60):
        while pieces.under_way < count:
            await asyncio.sleep(0.002)


@pytest.mark.asyncio
async def test_without_requests_all_work_begins_at_once() -> None:
    pieces = Pieces(RequestPriority(), 3)
    await settled()
    assert pieces.under_way == 3
    await pieces.stop()


@pytest.mark.asyncio
async def test_work_waits_for_a_pause_and_then_for_the_work_before_it() -> None:
    way = RequestPriority()
    with way.request():
        pieces = Pieces(way, 3)
        await settled()
        assert pieces.under_way == 0
    for _ in range(3):
        await begun(pieces, 1)
        await settled()
        assert pieces.under_way == 1
        pieces.end_one()
        await settled()
    await pieces.stop()


@pytest.mark.asyncio
async def test_requests_close_upon_each_other_leave_no_pause() -> None:
    way, loop = RequestPriority(), asyncio.get_running_loop()
    with way.request():
        pieces = Pieces(way, 1)
    end = loop.time() + 0.2
    while loop.time() < end:
        with way.request():
            await settled()
        await asyncio.sleep(0)
        assert pieces.under_way == 0
    await begun(pieces, 1)
    await pieces.stop()


@pytest.mark.asyncio
async def test_without_a_pause_work_begins_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_priority, "LONGEST_WAIT", 0.01)
    way = RequestPriority()
    with way.request():
        pieces = Pieces(way, 2)
        await begun(pieces, 2)
    await pieces.stop()
