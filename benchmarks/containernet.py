"""Twenty Docker hosts on one switch: how long they take to start and to stop.

Containernet upstream, on the machine of the design notes: 7.1 s and 3.1 s.
"""

from __future__ import annotations

import argparse
import time

from testbed import reap
from testbed.containernet import Containernet, NamespaceBridge
from testbed.containernet.plan import in_parallel
from testbed.engine import engine
from testbed.owner import Owner

UPSTREAM = (7.1, 3.1)


def measure(count: int, image: str = "lso/base") -> tuple[float, float]:
    """Return the seconds of start and stop of *count* containers on a bridge; every one has been reached."""
    net = Containernet(controller=None)
    started = time.monotonic()
    switch = net.addSwitch("s1", cls=NamespaceBridge)
    nodes = [net.addDocker(f"d{number}", dimage=image) for number in range(1, count + 1)]
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


def engine_alone(count: int, image: str = "lso/base") -> float:
    """Return the seconds in which the Docker Engine alone starts *count* containers, with as many workers."""
    api = engine().api
    owner = Owner.create("benchmark")

    def run(_number: int) -> None:
        host = api.create_host_config(network_mode="none")
        api.start(api.create_container(image, ["sleep", "1000"], host_config=host, labels=owner.labels()))

    try:
        started = time.monotonic()
        in_parallel(run, range(count))
        return time.monotonic() - started
    finally:
        reap.remove(owner)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    for _ in range(options.repeat):
        floor = engine_alone(options.count)
        up, down = measure(options.count)
        print(
            f"{options.count} Docker hosts: start {up:.2f} s ({UPSTREAM[0] / up:.1f} x upstream's),"
            f" stop {down:.2f} s ({UPSTREAM[1] / down:.1f} x); the engine alone starts them in {floor:.2f} s"
        )


if __name__ == "__main__":
    main()
