"""What it costs to digest all packets at the ports of both chains: TCP with and without, in turns within one run.

The processor time of all that carries the data says the same on a busy machine, where the throughput says nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from statistics import median

from benchmarks.measured import Process
from benchmarks.poc import ordered_poc
from scenarios.network.chain import hops
from scenarios.steps.context import Context
from testbed.digests import Recorder, recording
from testbed.traffic import transfer

ROUNDS, OCTETS = 5, 200 << 20


def main() -> None:
    """Print throughput and processor time of each round, and the medians of both ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    rates, costs = [], []
    with ordered_poc() as context:
        for _ in range(rounds):
            rate, cost = _carried(context, [])
            recorders = [_recorder(context, site) for site in context.service_sites()]
            with recording(recorders):
                digested_rate, digested_cost = _carried(context, recorders)
                for recorder in recorders:
                    recorder.read()
            rates.append(digested_rate / rate)
            costs.append(digested_cost / cost)
            told = f"without {rate:6.1f} Mbit/s, {cost:5.2f} s of a processor"
            print(f"{told}   with digests {digested_rate:6.1f} Mbit/s, {digested_cost:5.2f} s", flush=True)
    print(f"TCP with digests / without: {median(rates):.2f}, processor time {median(costs):.2f} ({rounds} rounds)")


def _recorder(context: Context, site: str) -> Recorder:
    ports = [hop.port for hop in hops(context, site)[:-1]]
    networks = [str(entry.prefix) for entry in context.scenario.topology.underlays.values()]
    return Recorder(context.lab.ucpes[site].namespace, ports, networks, key=1)


def _carried(context: Context, recorders: Sequence[Recorder]) -> tuple[float, float]:
    """Return Mbit/s of one connection, and what this process, both uCPEs and *recorders* took of a processor for it."""
    source, target = context.host("a1"), context.host("b1")
    ucpes = [process.pid for site in context.service_sites() if (process := context.lab.ucpes[site].process)]
    busy = [process for pid in [*ucpes, *(one.pid for one in recorders)] for process in _tree(Process(pid))]
    start, spent = time.monotonic(), time.process_time() + sum(map(_cpu, busy))
    done = transfer(source.namespace, target.namespace, (target.ip, 5201), there=bytes(OCTETS), back=b"", deadline=120)
    if len(done.there) != OCTETS:
        raise SystemExit(f"the connection carried {len(done.there)} of {OCTETS} octets: {done.trouble}")
    seconds = time.monotonic() - start
    return OCTETS * 8e-6 / seconds, time.process_time() + sum(map(_cpu, busy)) - spent


def _tree(process: Process) -> Iterator[Process]:
    """Yield *process* and all that it and its children have started, but for what has ended meanwhile."""
    yield process
    with suppress(OSError):
        for child in process.family()[1:]:
            yield from _tree(child)


def _cpu(process: Process) -> float:
    with suppress(OSError):
        return process.cpu()
    return 0.0


if __name__ == "__main__":
    main()
