"""One service over many sites, with uCPEs in memory: from the order to the end of the work, and what is stored.

Everything is real but the uCPEs: check, templates, plans, both databases. `--sites` gives the size of both shapes.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.measured import Figure, machine, show
from common.findings import nearest
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.domain.model import UNFINISHED, EndPoint, Swvc
from presto.persistence.store import Store
from presto.persistence.tables import open_engine, orchestrator_url
from presto.service.core import Core

GOALS = {"hub": 10.0, "mesh": 120.0}
"""Seconds for 1,000 sites."""


def swvc(shape: str, sites: int) -> Swvc:
    """A full mesh, or one root and leaves."""
    unis = memory_inventory(sites).unis
    if shape == "mesh":
        return Swvc("office", "multipoint", tuple(EndPoint(uni.name, uni.id) for uni in unis))
    ends = (EndPoint(uni.name, uni.id, role="leaf" if place else "root") for place, uni in enumerate(unis))
    return Swvc("office", "rooted-multipoint", tuple(ends))


async def carry_out(shape: str, sites: int, folder: Path) -> tuple[float, float]:
    """Order and wait; seconds and processor seconds. Raises SystemExit when it fails."""
    inventory, engine = memory_inventory(sites), open_engine(str(folder / "lso.db"))
    driver = MemorySouthbound(inventory)
    orchestrator = Orchestrator(inventory, orchestrator_url(engine), connect=driver.connect, ended=driver.ended)
    core = Core(inventory, Store(engine), orchestrator)
    await core.start()
    start, used = time.monotonic(), time.process_time()
    service = await core.create(swvc(shape, sites))
    while service.state in UNFINISHED:
        await asyncio.sleep(0.1)
        service = await core.service(service.id)
    ended = time.monotonic() - start, time.process_time() - used
    await core.stop()
    if service.state != "active":
        raise SystemExit(f"the service is {service.state}: {service.error}")
    return ended


def main() -> None:
    """Measure each shape and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", help="hub, mesh; both by default")
    parser.add_argument("--sites", type=int, default=1000)
    options = parser.parse_args()
    if unknown := set(options.shapes) - set(GOALS):
        parser.error("; ".join(f"there is no {name}. {nearest(name, GOALS)}" for name in sorted(unknown)))
    print(machine())
    for shape in options.shapes or GOALS:
        with tempfile.TemporaryDirectory(prefix="lso-bench-") as folder:
            seconds, cpu = asyncio.run(carry_out(shape, options.sites, Path(folder)))
            stored = {file.name: file.stat().st_size / 1e6 for file in Path(folder).glob("*.db")}
        name, goal = f"{shape} of {options.sites} sites", GOALS[shape] if options.sites == 1000 else None
        print(show(Figure(f"{name}: order to the end of the work", seconds, "s", goal)))
        print(show(Figure("… processor time", cpu, "s")))
        for file, size in sorted(stored.items()):
            print(show(Figure(f"… {file}", size, "MB")))
    print(show(Figure("peak of memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, "MB")), flush=True)


if __name__ == "__main__":
    main()
