"""Make VNF containers, and the hosts that their ports are wired to; all of it belongs to one owner."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker.models.containers import Container

from testbed.errors import Ended
from testbed.host.engine import archive, engine
from testbed.host.namespace import Namespace
from testbed.host.wiring import Cable, End, creation, ip_batch, mac_address
from testbed.ownership import reap
from testbed.ownership.owner import Owner

INTENT_FOLDER = "/var/lib/vnf"
_TO_ENTER = ("SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE")
_serial = itertools.count(1)


@dataclass(frozen=True)
class Host:
    """A network namespace, with interfaces that VNFs are plugged into."""

    namespace: Namespace

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run *argv* in the namespace."""
        return self.namespace.run(argv, check=check)

    def pings(self, address: str, *options: str) -> bool:
        """Tell whether *address* answers within a second."""
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
    def pid(self) -> int:
        """The PID of the container's first process; 0 while it does not run."""
        self.container.reload()
        return int(self.container.attrs["State"]["Pid"])

    @property
    def namespace(self) -> Namespace:
        """The container's network; another one after each restart. Raises ``Ended`` while it does not run."""
        return Namespace.of_pid(self.pid)

    def plug(self, port: Port) -> None:
        """Make the veth pair of *port*, one end in the container, the other in the neighbour, and bring that one up."""
        host = port.host.namespace
        port.host.run("ip", "link", "delete", port.peer_name, check=False)  # left of the container before a restart
        inner = End(self.namespace.path, f"p{next(_serial)}", port.mac)
        outer = End(host.path, port.peer_name, mac_address(host.path, port.peer_name))
        ip_batch(creation([Cable(inner, outer)]))
        port.host.run("ip", "link", "set", port.peer_name, "up")
        if port not in self.ports:
            self.ports.append(port)

    def plug_as_ucpe(self, port: Port) -> None:
        """Plug *port* as a uCPE does, by a macvlan in passthru mode: packets larger than the port's MTU come in too.

        A veth pair drops them before the container sees them. There is no second time after a restart.
        """
        host, number = port.host.namespace, next(_serial)
        under = End(host.path, f"u{number}", port.mac)  # the macvlan has it too
        ip_batch(creation([Cable(under, End(host.path, port.peer_name, mac_address(host.path, port.peer_name)))]))
        port.host.run(
            "ip", "link", "add", "link", under.name, "name", f"p{number}", "netns", str(self.pid),
            "type", "macvlan", "mode", "passthru",
        )  # fmt: skip
        for end in (under.name, port.peer_name):
            port.host.run("ip", "link", "set", end, "up")

    def seed(self, intent: Mapping[str, Any]) -> None:
        """Put the intent where the entrypoint looks for it."""
        self.container.put_archive(INTENT_FOLDER, archive({"intent.json": json.dumps(intent).encode()}))

    def exec(
        self, *argv: str, stdin: str | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run *argv* in the container as the orchestrator does, with the container's privileges."""
        command = ["docker", "exec", "-i", str(self.container.id), *argv]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout)

    def apply(self, intent: Mapping[str, Any] | str) -> subprocess.CompletedProcess[str]:
        """Hand an intent to ``/vnf/apply``."""
        return self.exec("/vnf/apply", stdin=intent if isinstance(intent, str) else json.dumps(intent))

    def status(self) -> dict[str, Any]:
        """The status, by nsenter: in a tenth of the time of ``docker exec``."""
        state: dict[str, Any] = json.loads(self.inside("/vnf/status"))
        return state

    def inside(self, *argv: str, stdin: str | None = None) -> str:
        """Run *argv* in the container's namespaces, with all privileges, and return what it prints."""
        entered = ["nsenter", "--mount", "--net", "--pid", f"--target={self.pid}", "--", *argv]
        return subprocess.run(entered, check=True, capture_output=True, text=True, input=stdin).stdout

    def quick(
        self, *argv: str, stdin: str | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run *argv* as ``exec`` does, in a tenth of the time: with the container's environment and capabilities.

        Besides these it has what entering takes. Raises ``Ended`` while the container does not run.
        """
        pid, attrs = self.pid, self.container.attrs
        if not pid:
            raise Ended("the container does not run")
        bounds = ",".join(f"+{name.lower()}" for name in {*(attrs["HostConfig"]["CapAdd"] or ()), *_TO_ENTER})
        entering = ["/usr/bin/nsenter", "--mount", "--net", "--pid", "--ipc", "--uts", f"--target={pid}", "--", *argv]
        environment = dict(pair.partition("=")[::2] for pair in attrs["Config"]["Env"] or ())
        return subprocess.run(
            ["/usr/bin/setpriv", f"--bounding-set=-all,{bounds}", *entering],
            input=stdin, capture_output=True, text=True, check=False, timeout=timeout, env=environment,
        )  # fmt: skip

    def has_applied(self, intent: Mapping[str, Any]) -> bool:
        """Tell whether the status says that *intent* is in force and that the engine runs."""
        state = self.status()
        wanted = hashlib.sha256(json.dumps(intent).encode()).hexdigest()
        return bool(state["ready"]) and state["intent_sha256"] == wanted


class Bench:
    """Makes hosts and VNFs; what it made goes with its owner."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    @classmethod
    @contextlib.contextmanager
    def opened(cls, name: str) -> Iterator[Bench]:
        """Yield a bench with an owner of its own; at the end all that was made on it is removed.

        After a ``kill -9`` ``lso reap`` removes it.
        """
        owner = Owner.create(name, keep_unused=False)
        try:
            yield cls(owner)
        finally:
            reap.remove(owner)

    def labels(self) -> dict[str, str]:
        """The labels of a Docker object that is to go with the owner."""
        return self._owner.labels()

    def host(self) -> Host:
        """Make a host without interfaces."""
        host = Host(self._owner.make_namespace(f"host{next(_serial)}", ipv6=True))
        host.run("ip", "link", "set", "lo", "up")
        return host

    def vnf(
        self,
        image: str,
        capabilities: Sequence[str],
        devices: Sequence[str] = (),
        sysctls: Mapping[str, str] | None = None,
        seeded: Mapping[str, Any] | None = None,
    ) -> Vnf:
        """Start a container of *image* as the orchestrator does, without ports; *seeded* is its last intent."""
        container = engine().containers.create(
            image,
            labels=self.labels(),
            network_mode="none",
            cap_drop=["ALL"],
            cap_add=list(capabilities),
            devices=list(devices),
            sysctls=dict(sysctls or {}),
            restart_policy={"Name": "always"},
        )
        vnf = Vnf(container)
        if seeded:
            vnf.seed(seeded)
        container.start()
        return vnf

    def remove(self, vnf: Vnf) -> None:
        """Remove a VNF before the end."""
        vnf.container.remove(force=True, v=True)

    def port(self, role: str, host: Host, peer_name: str) -> Port:
        """Return a port with a MAC address of its own, to be plugged in."""
        number = next(_serial)
        return Port(role, f"02:42:64:40:{number >> 8:02x}:{number & 255:02x}", host, peer_name)
