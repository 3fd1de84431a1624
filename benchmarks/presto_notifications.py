"""From the change of an order's state to the notification of each of 100 subscribers, orders being placed meanwhile.

`python -m benchmarks.presto_notifications` prints the quantiles; server, subscribers and client share the machine. The
time begins with the `eventTime`, before the change is on disk, and ends when the request has arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from benchmarks.load import ORDERING, Connection, Sample, open_loop, orders, posting

_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
QUERY = "eventType=serviceOrderStateChangeEvent"


class Subscriber(asyncio.Protocol):
    """Takes every notification of one connection and notes how late it came; costs next to nothing."""

    def __init__(self, late: list[float]) -> None:
        self._late, self._buffer = late, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where the answers go."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is whole."""
        now = time.time()
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not found or length is None or len(rest) < int(length[1]):
            return
        body, self._buffer = rest[: int(length[1])], rest[int(length[1]) :]
        self._late.append(now - datetime.fromisoformat(json.loads(body)["eventTime"]).timestamp())
        if self._transport:
            self._transport.write(_TAKEN)


@asynccontextmanager
async def subscribers(url: str, count: int, late: list[float]) -> AsyncIterator[None]:
    """That many subscriptions to the changes of orders' states, each with a listener of its own port.

    Raises RuntimeError when one is refused.
    """
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Subscriber(late), "127.0.0.1", 0) for _ in range(count)]
    hub = Connection(url)
    for server in servers:
        callback = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        status, answer = await hub.request(
            "POST", f"{ORDERING}/hub", json.dumps({"callback": callback, "query": QUERY}).encode()
        )
        if status != 201:
            raise RuntimeError(f"a subscription was answered {status}: {answer.decode()}")
    await hub.close()
    try:
        yield
    finally:
        for server in servers:
            server.close()


async def measure(url: str, count: int, rate: float, seconds: float) -> tuple[Sample, Sample]:
    """What became of the orders, and how late the notifications were.

    Orders come at `rate` a second. Raises RuntimeError when some do not arrive.
    """
    late: list[float] = []
    accepted: list[str] = []
    async with subscribers(url, count, late):
        placed = await open_loop(url, posting(orders(), accepted), rate, seconds)
        deadline = time.monotonic() + 60
        # An order that is carried out changes its state twice.
        while len(late) < 2 * count * len(accepted) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
    if len(late) != 2 * count * len(accepted):
        raise RuntimeError(f"{len(late)} notifications came of {2 * count * len(accepted)}")
    return placed, Sample(late, elapsed=seconds)


def main() -> None:
    """Start a server of its own, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1.0, help="orders a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.presto_server", str(Path(folder) / "presto.db")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            url = server.stdout.readline().strip() if server.stdout else ""
            try:
                measured = measure(url, options.subscribers, options.rate, options.seconds)
                placed, late = asyncio.run(measured)
            finally:
                server.terminate()
    print(f"orders: {dict(placed.statuses)}, p99 {placed.quantile(0.99):.1f} ms")
    quantiles = ", ".join(f"p{share * 100:g} {late.quantile(share):.1f} ms" for share in (0.5, 0.9, 0.99, 1.0))
    print(f"notifications: {len(late.seconds)} to {options.subscribers} subscribers, {late.rate:.0f}/s, {quantiles}")


if __name__ == "__main__":
    main()
