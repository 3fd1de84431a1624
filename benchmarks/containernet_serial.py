"""What the test-bed's Containernet is compared with: upstream's own, or stock Mininet with the Docker SDK, serially.

Run by ``benchmarks/containernet.py`` in a process of its own: upstream's package has the name of Mininet's. With a
clone of upstream first on ``PYTHONPATH`` it is that; else the distribution's Mininet, with containers as hosts in the
way upstream makes them: one by one, a ``docker exec`` for each. Prints what it was and the seconds of start and stop,
as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import docker
import mininet.net as mininet_net
from mininet.node import Host, OVSSwitch

UPSTREAM = getattr(mininet_net, "Containernet", None)


class SerialDocker(Host):  # type: ignore[misc]
    """A container as a host of stock Mininet."""

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802  (Mininet's name)
        """Start the container, and a shell in it; it stands for the container's network."""
        api = docker.from_env().api
        host = api.create_host_config(cap_add=["NET_ADMIN"])
        self.container = api.create_container(
            self.params["dimage"], "/bin/bash", name=f"mn.{self.name}", stdin_open=True, tty=True, host_config=host
        )["Id"]
        api.start(self.container)
        super().startShell(mnopts)
        self.pid = api.inspect_container(self.container)["State"]["Pid"]

    def _popen(self, cmd: list[str], **params: Any) -> Any:
        if cmd[0] == "mnexec":
            cmd = ["docker", "exec", "-it", f"mn.{self.name}", *cmd[2:]]
        return super()._popen(cmd, **params)

    def terminate(self) -> None:
        """Remove the container."""
        docker.from_env().api.remove_container(self.container, force=True, v=True)
        self.cleanup()


def network() -> Any:
    """Return an empty network; Mininet's changes to the machine are left out."""
    mininet_net.Mininet.inited = True
    return UPSTREAM(controller=None) if UPSTREAM else mininet_net.Mininet(controller=None)


def measure(count: int, image: str, datapath: str) -> tuple[float, float]:
    """Return the seconds of start and stop of *count* containers on one switch; every one has been reached.

    Raises SystemExit when pings are lost.
    """
    net = network()
    started = time.monotonic()
    try:
        switch = net.addSwitch("lsob1", cls=OVSSwitch, failMode="standalone", datapath=datapath)
        for number in range(1, count + 1):
            if UPSTREAM:
                node = net.addDocker(f"lsob{number}d", dimage=image)
            else:
                node = net.addHost(f"lsob{number}d", cls=SerialDocker, dimage=image)
            net.addLink(node, switch, **({} if UPSTREAM else {"fast": False}))
        net.start()
        up = time.monotonic() - started
        lost = [
            node.name for node in net.hosts[1:] if "1 received" not in net.hosts[0].cmd(f"ping -c1 -W2 {node.IP()}")
        ]
    finally:
        stopping = time.monotonic()
        net.stop()
        subprocess.run(["ovs-vsctl", "--if-exists", "del-br", "lsob1"], check=False)
    if lost:
        raise SystemExit(f"not reached: {', '.join(lost)}")
    return up, time.monotonic() - stopping


def main() -> None:
    """Measure once and print."""
    count, image, datapath = sys.argv[1:]
    what = (
        f"Containernet {mininet_net.CONTAINERNET_VERSION}"
        if UPSTREAM
        else f"stock Mininet {mininet_net.VERSION} with the Docker SDK"
    )
    up, down = measure(int(count), image, datapath)
    print(json.dumps({"what": what, "start": up, "stop": down}))


if __name__ == "__main__":
    main()
