"""The API under load: orders a second, latency, pages of a long list, memory; each beside its goal.

The server is a process of its own over the real orchestrator and uCPEs in memory; this process is the load. Examples:

    python -m benchmarks.presto                      every figure
    python -m benchmarks.presto latency --seconds 30
    python -m benchmarks.presto memory --orders 3600 --json result.json
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import linear_regression
from typing import Any

from benchmarks import presto_fill
from benchmarks.load import INVENTORY, ORDERING, Ask, Connection, Sample, closed_loop, open_loop, orders, posting
from benchmarks.measured import Figure, Process, machine, show
from common.findings import nearest

ROOT = Path(__file__).parent.parent
Measure = Callable[[argparse.Namespace], Coroutine[Any, Any, list[Figure]]]


@contextmanager
def served(sites: int, fill: int = 0) -> Iterator[tuple[str, Process, Path]]:
    """A server on a database of its own: base URL, process, database; `fill` services are there from the start."""
    with tempfile.TemporaryDirectory(prefix="lso-bench-") as folder:
        database = Path(folder) / "lso.db"
        if fill:
            presto_fill.fill(database, fill)
        command = [sys.executable, "-m", "benchmarks.presto_server", str(database), "--sites", str(sites)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = process.stdout.readline().strip() if process.stdout else ""
                yield url, Process(process.pid), database
            finally:
                process.kill()


async def throughput(options: argparse.Namespace) -> list[Figure]:
    """Order POSTs a second that are accepted and on disk, 16 clients that each ask as soon as they are answered."""
    sites = int(1000 * options.seconds) + 2000
    with served(sites) as (url, server, _):
        bodies = orders(1, sites)
        await closed_loop(url, posting(bodies), 4, 1.0)
        sample, cpu = await _with_cpu(server, closed_loop(url, posting(bodies), 16, options.seconds))
        _all_accepted(sample)
        cost = cpu / len(sample.seconds) * 1e3
        return [
            Figure("orders accepted", sample.rate, "/s", 300, at_least=True),
            Figure("server CPU an order", cost, "ms", 1e3 / 300),
        ]


async def latency(options: argparse.Namespace) -> list[Figure]:
    """Time to the answer of order POSTs that come at a fixed rate, whether or not earlier ones were answered."""
    sites = int(2 * options.rate * (options.seconds + 4)) + 100
    with served(sites) as (url, server, _):
        bodies = orders(1, sites)
        await open_loop(url, posting(bodies), options.rate / 3, 3.0)
        sample, cpu = await _with_cpu(server, open_loop(url, posting(bodies), options.rate, options.seconds))
        _all_accepted(sample)
        share = cpu / sample.elapsed * 100
        return [
            Figure(f"order POST at {options.rate:g}/s, p99", sample.quantile(0.99), "ms", 50),
            *(Figure(f"… p{share:g}", sample.quantile(share / 100), "ms") for share in (50, 95, 100)),
            Figure("… server CPU", share, "% of a core"),
        ]


async def page(options: argparse.Namespace) -> list[Figure]:
    """A page of 100 out of 100,000 services by the published list operation, at offsets all over the list."""
    with served(10, fill=options.services) as (url, _, _):

        def asks(count: int, end: int) -> Iterator[Ask]:
            for number in range(count):
                offset = number * 7919 % end

                async def ask(connection: Connection, offset: int = offset) -> int:
                    status, body = await connection.request("GET", f"{INVENTORY}/service?offset={offset}&limit=100")
                    if body.count(b'"serviceConfiguration"') != 100:
                        raise SystemExit(f"the page at offset {offset} is short: {status} {body[:200]!r}")
                    return status

                yield ask

        await closed_loop(url, asks(20, 1000), 1, 60)
        first = await closed_loop(url, asks(100, 1000), 1, 60)
        anywhere = await closed_loop(url, asks(100, options.services - 100), 1, 60)
        return [
            Figure("page of 100 services, first ten pages, p50", first.quantile(0.5), "ms", 15),
            Figure("page of 100 services, any offset, p50", anywhere.quantile(0.5), "ms", 15),
            Figure("… p99", anywhere.quantile(0.99), "ms"),
        ]


async def memory(options: argparse.Namespace) -> list[Figure]:
    """Resident memory while as many orders are carried out as an hour brings, add and delete over the same sites."""
    with served(200) as (url, server, _):
        readings = await presto_fill.cycle(url, server, options.orders, sites=200)
        half, last = readings[len(readings) // 2 :], readings[-1]
        # A line through all readings: garbage makes any two of them differ by some MB.
        slope = linear_regression([reading.orders for reading in half], [reading.rss for reading in half]).slope * 1000
        return [
            Figure(f"memory after {last.orders} orders", last.rss, "MB"),
            Figure("growth over the second half, per 1,000 orders", slope, "MB", 1.0),
            Figure("orders carried out", last.orders / last.seconds, "/s"),
            Figure("server CPU for an order from POST to its end", last.cpu / last.orders * 1e3, "ms"),
        ]


async def reads(options: argparse.Namespace) -> list[Figure]:
    """From order to completed, one order a second, while 200 clients read lists as fast as they are answered."""
    with served(1000, fill=1000) as (url, _, _):
        paths = [f"{INVENTORY}/service?limit=100", f"{ORDERING}/serviceOrder?limit=100", "/presto-sdwan/v1/service"]

        def asks() -> Iterator[Ask]:
            for path in itertools.cycle(paths):
                yield partial(_get, path=path)

        idle, _ = await _completed(url, orders(1, 999), 5)
        load = asyncio.create_task(closed_loop(url, asks(), 200, options.seconds + 5))
        await asyncio.sleep(5)
        busy, own = await _completed(url, orders(101, 999), options.seconds)
        sample = await load
        return [
            Figure("order to completed, idle, p50", idle.quantile(0.5), "ms"),
            Figure("order to completed with 200 readers, p95", busy.quantile(0.95), "ms", 5000),
            Figure("… p50", busy.quantile(0.5), "ms"),
            Figure("… by the order's own dates, p95", own.quantile(0.95), "ms"),
            Figure("… orders completed", len(busy.seconds), ""),
            Figure("… reads", sample.rate, "/s"),
        ]


async def _get(connection: Connection, path: str) -> int:
    return (await connection.request("GET", path))[0]


async def _completed(url: str, bodies: Iterator[tuple[str, bytes]], seconds: float) -> tuple[Sample, Sample]:
    """An order a second, each followed to its end: as the client sees it, and by the dates of the order."""
    sample, own, start = Sample(), Sample(), time.monotonic()

    async def follow(body: bytes) -> None:
        connection, placed = Connection(url), time.monotonic()
        order = await presto_fill.carried_out(connection, body)
        sample.seconds.append(time.monotonic() - placed)
        begun, ended = (datetime.fromisoformat(order[name]) for name in ("orderDate", "completionDate"))
        own.seconds.append((ended - begun).total_seconds())
        await connection.close()

    tasks = []
    while time.monotonic() - start < seconds:
        tasks.append(asyncio.create_task(follow(next(bodies)[1])))
        await asyncio.sleep(1)
    await asyncio.gather(*tasks)
    sample.elapsed = time.monotonic() - start
    return sample, own


MEASURES: dict[str, Measure] = {
    "throughput": throughput,
    "latency": latency,
    "page": page,
    "memory": memory,
    "reads": reads,
}


async def _with_cpu(server: Process, load: Awaitable[Sample]) -> tuple[Sample, float]:
    before = server.cpu()
    sample = await load
    return sample, server.cpu() - before


def _all_accepted(sample: Sample) -> None:
    if set(sample.statuses) != {201}:
        raise SystemExit(f"not all orders were accepted: {dict(sample.statuses)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=150.0, help="orders a second in latency")
    parser.add_argument("--services", type=int, default=100_000, help="services in page")
    parser.add_argument("--orders", type=int, default=3600, help="orders in memory: an hour at one a second")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    if unknown := set(options.what) - set(MEASURES):
        parser.error("; ".join(f"there is no {name}. {nearest(name, MEASURES)}" for name in sorted(unknown)))
    results: dict[str, Any] = {"machine": machine(), "figures": []}
    print(results["machine"])
    for name in options.what or MEASURES:
        started, load = time.monotonic(), os.getloadavg()[0]
        for figure in asyncio.run(MEASURES[name](options)):
            print(show(figure), flush=True)
            results["figures"].append({"measure": name, **vars(figure), "met": figure.met})
        print(f"  {name}: {time.monotonic() - started:.0f} s, load average before it {load:.1f}, {platform.node()}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
