"""VNF images on the machine's own Docker Engine, with LAN hosts in network namespaces as their neighbours.

Everything made here carries the label ``lso.test=vnfs`` or dies with the process that holds it.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from testbed.host.namespace import Namespace
from testbed.images.recipes import reference
from testbed.polling import poll

from .gateways import pair, up  # noqa: F401  # fixtures

LABEL = {"lso.test": "vnfs"}
_serial = itertools.count(1)


def wait_until(condition: Callable[[], Any], what: str | Callable[[], str], timeout: float = 30.0) -> Any:
    """Return *condition*'s first true value; fail the test after *timeout* seconds."""
    value = poll(condition, timeout, 0.02)
    if not value:
        pytest.fail(f"not within {timeout:g} s: {what() if callable(what) else what}")
    return value


@dataclass(frozen=True)
class Host:
    """A namespace of its own, kept alive by a process, with interfaces that the test plugs in."""

    namespace: Namespace
    holder: subprocess.Popen[bytes]

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.namespace.run(argv, check=check)

    def pings(self, address: str, *options: str) -> bool:
        return self.run("ping", "-c1", "-W1", *options, address, check=False).returncode == 0


@dataclass(frozen=True)
class Port:
    """One VNF port: its role and MAC, and the neighbour's end of the wire."""

    role: str
    mac: str
    host: Host
    peer_name: str


@dataclass
class Vnf:
    """A running VNF container; ``plug`` wires its ports, also again after a restart."""

    container: Container
    ports: list[Port] = field(default_factory=list)

    @property
    def namespace(self) -> Namespace:
        self.container.reload()
        return Namespace.of_pid(self.container.attrs["State"]["Pid"])

    def plug(self, port: Port) -> None:
        """Make the veth pair of *port*, one end in the container, the other in the neighbour."""
        inner, outer = f"t{os.getpid() % 100000}i{next(_serial)}", f"t{os.getpid() % 100000}o{next(_serial)}"
        pid = port.host.holder.pid
        port.host.run("ip", "link", "delete", port.peer_name, check=False)  # left of the container before a restart
        _ip("link", "add", inner, "address", port.mac, "type", "veth", "peer", "name", outer)
        _ip("link", "set", outer, "netns", str(pid), "name", port.peer_name)
        _ip("link", "set", inner, "netns", self.namespace.path.split("/")[2])
        port.host.run("ip", "link", "set", port.peer_name, "up")
        if port not in self.ports:
            self.ports.append(port)

    def seed(self, intent: dict[str, Any]) -> None:
        """Put the intent where the entrypoint looks for it."""
        raw = json.dumps(intent).encode()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo("intent.json")
            info.size, info.mode = len(raw), 0o600
            tar.addfile(info, io.BytesIO(raw))
        self.container.put_archive("/var/lib/vnf", archive.getvalue())

    def exec(self, *argv: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "exec", "-i", str(self.container.id), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def apply(self, intent: dict[str, Any] | str) -> subprocess.CompletedProcess[str]:
        return self.exec("/vnf/apply", stdin=intent if isinstance(intent, str) else json.dumps(intent))

    def applied(self, intent: dict[str, Any]) -> None:
        """Apply *intent* and expect success."""
        result = self.apply(intent)
        assert result.returncode == 0, result.stderr

    def status(self) -> dict[str, Any]:
        """The status, by nsenter: a tenth of what ``docker exec`` costs, and the tests ask often."""
        state: dict[str, Any] = json.loads(self.inside("/vnf/status"))
        return state

    def inside(self, *argv: str, stdin: str | None = None) -> str:
        """Run *argv* in the container's namespaces and return what it prints."""
        pid = self.namespace.path.split("/")[2]
        entered = ["nsenter", "--mount", "--net", "--pid", f"--target={pid}", "--", *argv]
        return subprocess.run(entered, check=True, capture_output=True, text=True, input=stdin).stdout

    def has_applied(self, intent: dict[str, Any]) -> bool:
        state = self.status()
        wanted = hashlib.sha256(json.dumps(intent).encode()).hexdigest()
        return bool(state["ready"]) and state["intent_sha256"] == wanted

    def wait_ready(self, intent: dict[str, Any], timeout: float = 30.0) -> dict[str, Any]:
        wait_until(lambda: self.has_applied(intent), "the VNF is ready", timeout)
        return self.status()


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True, capture_output=True)


class Bench:
    """Makes hosts and VNFs, and unmakes exactly those."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._docker = docker.from_env()
        stack.callback(self._docker.close)

    def host(self) -> Host:
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._stack.callback(holder.wait)
        self._stack.callback(holder.kill)
        own = Path("/proc/self/ns/net").readlink()
        wait_until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own, "the host's namespace")
        host = Host(Namespace.of_pid(holder.pid), holder)
        host.run("ip", "link", "set", "lo", "up")
        return host

    def vnf(self, image: str, descriptor: dict[str, Any], seeded: dict[str, Any] | None = None) -> Vnf:
        container = self._docker.containers.create(
            reference(image),
            labels=LABEL,
            network_mode="none",
            cap_drop=["ALL"],
            cap_add=descriptor["linux_capabilities"],
            devices=descriptor["devices"],
            sysctls=descriptor["sysctls"],
            restart_policy={"Name": "always"},
        )
        self._stack.callback(lambda: container.remove(force=True, v=True))
        vnf = Vnf(container)
        if seeded:
            vnf.seed(seeded)
        container.start()
        return vnf

    def port(self, role: str, host: Host, peer_name: str) -> Port:
        number = next(_serial)
        return Port(role, f"02:42:64:40:{number >> 8:02x}:{number & 255:02x}", host, peer_name)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def descriptor() -> Callable[[str], dict[str, Any]]:
    """Return the property defaults of a product's descriptor."""
    import yaml

    def read(product: str) -> dict[str, Any]:
        path = Path(__file__).parents[3] / "vnfs" / product / "descriptor.yaml"
        (node_type,) = yaml.safe_load(path.read_text())["node_types"].values()
        return {name: definition["default"] for name, definition in node_type["properties"].items()}

    return read
