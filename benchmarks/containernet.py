"""Docker hosts on one switch: how long they take to start and to stop, here and with what this stands for.

Both are measured in turn, in one run, on the same image and the same kind of switch: the test-bed's classes, and
upstream Containernet where ``--upstream`` names a clone of it, else stock Mininet with the Docker SDK, one by one.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from mininet.node import OVSSwitch

from testbed.containernet import Containernet, NamespaceBridge
from testbed.host import kernel
from testbed.host.engine import engine
from testbed.ownership import reap
from testbed.ownership.owner import Owner
from testbed.threads import in_parallel

IMAGE = "lso-benchmark/tools"  # what the others call inside a container; ours needs none of it
PACKAGES = "ethtool iproute2 iputils-ping net-tools"
TOOLS = f"FROM lso/base\nRUN apt-get update && apt-get install -y --no-install-recommends {PACKAGES}\n"
Seconds = tuple[float, float]


@contextmanager
def tools() -> Iterator[None]:
    """Have the image for the length of the block."""
    engine().images.build(fileobj=io.BytesIO(TOOLS.encode()), tag=IMAGE, rm=True)
    try:
        yield
    finally:
        engine().images.remove(IMAGE, force=True)


def ours(count: int, switch_class: Any) -> Seconds:
    """Return the seconds of start and stop of *count* containers on one switch; every one has been reached.

    Raises SystemExit when pings are lost.
    """
    net = Containernet(controller=None)
    own = {"failMode": "standalone"} if switch_class is OVSSwitch else {}
    started = time.monotonic()
    switch = net.addSwitch("lsob2", cls=switch_class, **own)
    nodes = [net.addDocker(f"d{number}", dimage=IMAGE) for number in range(1, count + 1)]
    for node in nodes:
        net.addLink(node, switch)
    try:
        net.start()
        up = time.monotonic() - started
        lost = sum(net.ping([nodes[0]], manualdestip=node.IP()) for node in nodes[1:])
    finally:
        stopping = time.monotonic()
        net.stop()
    if lost:
        raise SystemExit(f"{lost:.0f} % of the pings were lost")
    return up, time.monotonic() - stopping


def theirs(count: int, upstream: Path | None) -> tuple[str, Seconds]:
    """Return what was measured and its seconds of start and stop."""
    datapath = "kernel" if kernel.has_ovs_datapath() else "user"
    script = Path(__file__).with_name("containernet_serial.py")
    paths = [str(upstream)] if upstream else []
    done = subprocess.run(
        [sys.executable, str(script), str(count), IMAGE, datapath],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    return found["what"], (found["start"], found["stop"])


def engine_alone(count: int) -> float:
    """Return the seconds in which the Docker Engine alone starts *count* containers, with as many workers."""
    api = engine().api
    owner = Owner.create("benchmark")

    def run(_number: int) -> None:
        host = api.create_host_config(network_mode="none")
        api.start(api.create_container(IMAGE, ["sleep", "1000"], host_config=host, labels=owner.labels()))

    try:
        started = time.monotonic()
        in_parallel(run, range(count))
        return time.monotonic() - started
    finally:
        reap.remove(owner)


def report(name: str, runs: list[Seconds], reference: list[Seconds]) -> str:
    """Return a line with the medians of *runs*, and how many times faster than *reference* they are."""
    medians = [median(run[index] for run in runs) for index in (0, 1)]
    others = [median(run[index] for run in reference) for index in (0, 1)]
    start, stop = (f"{own:.2f} s ({other / own:.1f} x)" for own, other in zip(medians, others, strict=True))
    return f"{name}: start {start}, stop {stop}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, metavar="N", help="containers (default: 20)")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each, in turn (default: 3)")
    parser.add_argument("--upstream", type=Path, metavar="DIR", help="a clone of github.com/containernet/containernet")
    options = parser.parse_args()
    mine, bridged, reference, what, alone = [], [], [], "", []
    with tools():
        for _ in range(options.repeat):
            mine.append(ours(options.count, OVSSwitch))
            what, seconds = theirs(options.count, options.upstream)
            reference.append(seconds)
            bridged.append(ours(options.count, NamespaceBridge))
            alone.append(engine_alone(options.count))
    print(f"{options.count} Docker hosts on one switch, medians of {options.repeat}:")
    print(report(what, reference, reference))
    print(report("here, on the same switch", mine, reference))
    print(report("here, on a bridge in a namespace", bridged, reference))
    print(f"the engine alone starts the containers in {median(alone):.2f} s")


if __name__ == "__main__":
    main()
