"""A small HTTP client that costs less than the server it measures; load in closed and in open loop."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"
INVENTORY = "/mefApi/legato/serviceInventory/v7"
_DOCUMENT = Path(__file__).parent.parent / "docs" / "presto-mef.md"


@dataclass
class Sample:
    """What a load came to: seconds that each answer took, how many had which status, and how long it all took."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share (0 to 1) of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else float("nan")


class Connection:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
        """Status and body. Raises OSError and asyncio.IncompleteReadError when the server goes away."""
        if self._streams and self._streams[0].at_eof():
            await self.close()  # the server hangs up on who is silent
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 22)
        reader, writer = self._streams
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{kind}{headers}"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            start = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", start)
            return int(start[9:12]), await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def orders(first: int = 1, sites: int = 10**9) -> Iterator[tuple[str, bytes]]:
    """Name and body of the order of the documentation, again and again, each for its own two sites and by its own name.

    `first` is the number of the first site that is used; there is an order for every two of the sites from there on.
    """
    text = re.findall(r"```json\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[0]
    compact = json.dumps(json.loads(text), separators=(",", ":"))
    for number in range(first, sites, 2):
        one, other = f"site-{number:05}", f"site-{number + 1:05}"
        name = f"office-{number:05}"
        body = compact.replace("site-a", one).replace("site-b", other).replace('"acme-office"', f'"{name}"')
        yield name, body.replace("acme-2026-001", name).encode()


Ask = Callable[[Connection], Any]
"""Sends one request over a connection; a coroutine of the status."""


async def closed_loop(url: str, asks: Iterator[Ask], connections: int, seconds: float) -> Sample:
    """Each of so many connections asks again as soon as it was answered, for `seconds`."""
    sample, start = Sample(), time.monotonic()

    async def work() -> None:
        connection = Connection(url)
        while time.monotonic() - start < seconds and (ask := next(asks, None)):
            began = time.monotonic()
            sample.statuses[await ask(connection)] += 1
            sample.seconds.append(time.monotonic() - began)
        await connection.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    sample.elapsed = time.monotonic() - start
    return sample


async def open_loop(url: str, asks: Iterator[Ask], rate: float, seconds: float) -> Sample:
    """Requests go out at `rate` a second whether or not earlier ones were answered; waiting for a connection counts."""
    sample, start = Sample(), time.monotonic()
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one(ask: Ask, due: float) -> None:
        connection = idle.pop() if idle else Connection(url)
        sample.statuses[await ask(connection)] += 1
        sample.seconds.append(time.monotonic() - due)
        idle.append(connection)

    for number in range(int(rate * seconds)):
        due = start + number / rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if (ask := next(asks, None)) is None:
            break
        task = asyncio.create_task(one(ask, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    sample.elapsed = time.monotonic() - start
    await asyncio.gather(*(connection.close() for connection in idle))
    return sample


def posting(bodies: Iterator[tuple[str, bytes]], accepted: list[str] | None = None) -> Iterator[Ask]:
    """POSTs of orders; the ids of accepted ones go into `accepted`."""
    for _, body in bodies:

        async def ask(connection: Connection, body: bytes = body) -> int:
            status, answer = await connection.request("POST", f"{ORDERING}/serviceOrder", body)
            if status == 201 and accepted is not None:
                accepted.append(json.loads(answer)["id"])
            return status

        yield ask
