"""Reads take turns; what waits for others, and what is sent slowly, takes none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from presto.web.read_limit import ReadLimiter

pytestmark = pytest.mark.asyncio

LIST = "/mefApi/legato/serviceInventory/v7/service"


class Served:
    """An application behind the turns: how many requests are being answered, and how many were at most."""

    def __init__(self, concurrent: int) -> None:
        self.now = self.most = 0
        self.gate, self.taken = asyncio.Event(), asyncio.Event()
        self.turns = ReadLimiter(self.answer, concurrent)

    async def answer(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, path: str, method: str = "GET", *, slow: bool = False) -> None:
        async def send(_message: Message) -> None:
            if slow:
                await self.taken.wait()

        await self.turns({"type": "http", "method": method, "path": path}, _nothing, send)


async def _nothing() -> Message:
    raise AssertionError("nothing is read")


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("GET", LIST, 2),
        ("HEAD", f"{LIST}/1", 2),
        ("GET", "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder/1", 2),
        ("GET", "/presto-sdwan/v1/service", 2),
        ("GET", "/presto-sdwan/v1/service/acme", 2),
        ("POST", "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", 10),
        ("GET", "/presto-sdwan/v1/service/acme/flowTable", 10),
        ("GET", "/presto-sdwan/v1/events", 10),
        ("GET", "/presto-sdwan/v1/tunnel", 10),
    ],
)
async def test_only_reads_of_what_is_stored_take_turns(method: str, path: str, most: int) -> None:
    served = Served(2)
    asked = [asyncio.create_task(served.ask(path, method)) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert served.now == most
    served.gate.set()
    await asyncio.gather(*asked)
    assert served.most == most


async def test_a_client_that_takes_its_answer_slowly_holds_up_nobody() -> None:
    served = Served(1)
    served.gate.set()
    slow = asyncio.create_task(served.ask(LIST, slow=True))
    async with asyncio.timeout(60):
        await served.ask(LIST)
    served.taken.set()
    await slow


async def test_a_request_that_fails_gives_its_turn_back() -> None:
    async def fail(*_given: Any) -> None:
        raise OSError("gone")

    turns = ReadLimiter(fail, 1)
    for _ in range(3):
        async with asyncio.timeout(60):
            with pytest.raises(OSError, match="gone"):
                await turns({"type": "http", "method": "GET", "path": LIST}, _nothing, _nothing)  # type: ignore[arg-type]
