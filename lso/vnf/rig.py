"""One product at work between two hosts, and what it answers; whatever it does wrong is a `ProductFault`."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lso.vnf.faults import ProductFault
from lso.vnf.kinds import Kind
from lso.vnf.subject import Subject
from orchestrator.vnf_contract import schema_findings, status_findings
from testbed.bench import Bench, Host, Port, Vnf
from testbed.errors import Ended
from testbed.polling import poll

EXEC_SECONDS, READY_SECONDS = 30.0, 20.0
"""What the contract gives an executable, and a product until it is ready."""
BACK_SECONDS = 60.0
"""In which a product is at work again after a crash; the Docker Engine waits a little longer after each."""
SIDES = ("lan", "wan")
MTU = 1500
_LAST_LINES = 3


@dataclass
class Rig:
    """A container of *subject*; *ports* and *hosts* by side."""

    subject: Subject
    kind: Kind
    vnf: Vnf
    hosts: dict[str, Host]
    ports: dict[str, Port]
    quick: bool = False
    """Whether executables are started without the Docker Engine, which takes most of the time."""
    as_ucpe: bool = False
    """Whether the ports take packets larger than their MTU, as a uCPE's do; the container is not started again."""

    @classmethod
    def start(cls, subject: Subject, kind: Kind, bench: Bench, *, as_ucpe: bool = False) -> Rig:
        """Start the product and plug its ports; no intent is applied. The hosts send nothing by themselves."""
        hosts = {side: bench.host() for side in SIDES}
        for host in hosts.values():
            host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        ports = {side: bench.port(side, host, "eth0") for side, host in hosts.items()}
        vnf = bench.vnf(subject.image, subject.capabilities, subject.devices, subject.sysctls)
        rig = cls(subject, kind, vnf, hosts, ports, as_ucpe=as_ucpe)
        rig.plug()
        return rig

    def plug(self) -> None:
        """Wire the ports, also again after the container was started anew."""
        try:
            for port in self.ports.values():
                (self.vnf.plug_as_ucpe if self.as_ucpe else self.vnf.plug)(port)
        except Ended as ended:
            raise self.ended() from ended

    def intent(self, config: Mapping[str, Any] | None = None, mtu: int = MTU) -> dict[str, Any]:
        """Return an intent with *config* as the kind's own part, by default one that uses most of it."""
        shown: list[dict[str, Any]] = [
            {"role": side, "mac": port.mac, "mtu": mtu, "addresses": list(self.kind.addresses[side])}
            for side, port in self.ports.items()
        ]
        if self.kind.gateway:
            shown[-1]["gateway"] = self.kind.gateway
        own = self.kind.config if config is None else config
        return {"contract": "1", "kind": self.kind.name, "name": "vnf-1", "ports": shown, self.kind.name: own}

    def call(self, *argv: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run an executable of the contract as the orchestrator does; raises ProductFault when it does not end."""
        try:
            execute = self.vnf.quick if self.quick else self.vnf.exec
            done = execute(*argv, stdin=stdin, timeout=EXEC_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProductFault(f"{argv[0]} did not end within {EXEC_SECONDS:.0f} s") from None
        except Ended as ended:
            raise self.ended() from ended
        if done.returncode in {1, 126, 127} and not self.runs():
            raise self.ended()
        if done.returncode in {126, 127} and argv[0].startswith("/vnf/"):
            raise ProductFault(f"{argv[0]} cannot be executed: {words(done)}")
        return done

    def apply(self, intent: Mapping[str, Any] | str) -> subprocess.CompletedProcess[str]:
        """Hand over an intent."""
        return self.call("/vnf/apply", stdin=text_of(intent))

    def applied(self, intent: Mapping[str, Any] | str) -> dict[str, Any]:
        """Apply a good intent and return the status that says that it is in force; raises ProductFault."""
        done = self.apply(intent)
        if done.returncode:
            raise ProductFault(f"/vnf/apply refuses a good intent with exit code {done.returncode}: {words(done)}")
        return self.wait_ready(intent)

    def wait_ready(self, intent: Mapping[str, Any] | str, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """Wait until *intent* is in force, and return the status; raises ProductFault with what is wrong with it."""
        state: dict[str, Any] = {}

        def ready() -> bool:
            if not self.runs():
                return False
            state.clear()
            state.update(self.status())
            return bool(state.get("ready")) and state.get("intent_sha256") == digest(intent)

        if not poll(ready, seconds, 0.05):
            if not self.runs():
                raise self.ended()
            found = "; ".join(self.findings(state, intent)) or "it is not ready"
            raise ProductFault(f"{seconds:.0f} s after the intent the status says: {found}")
        return state

    def findings(self, state: Mapping[str, Any], intent: Mapping[str, Any] | str | None) -> tuple[str, ...]:
        """What is wrong with a status while *intent* is in force, or before any is."""
        if intent is None:
            return schema_findings(state, self.kind.name)
        return status_findings(state, self.kind.name, self.subject.labels, digest(intent))

    def status(self) -> dict[str, Any]:
        """The status; raises ProductFault when it is none."""
        done = self.call("/vnf/status")
        if done.returncode:
            raise ProductFault(f"/vnf/status ended with {done.returncode}: {words(done)}")
        try:
            state = json.loads(done.stdout)
        except ValueError:
            raise ProductFault(f"/vnf/status printed no JSON: {done.stdout[:80]!r}") from None
        if not isinstance(state, dict):
            raise ProductFault("/vnf/status printed no JSON object")
        return state

    def carries(self) -> bool | None:
        """Whether what the kind's good intent allows crosses; None for a kind that needs a peer for that."""
        return self.kind.carries(self.hosts) if self.kind.carries else None

    def runs(self) -> bool:
        """Whether the container runs at this moment."""
        self.vnf.container.reload()
        return bool(self.vnf.container.attrs["State"]["Running"])

    def ended(self) -> ProductFault:
        """The fault of a container that has ended by itself."""
        self.vnf.container.reload()
        code = self.vnf.container.attrs["State"]["ExitCode"]
        lines = self.vnf.container.logs(tail=_LAST_LINES).decode(errors="replace").strip().splitlines()
        return ProductFault(f"the container ended with {code}: {' / '.join(lines) or 'it logged nothing'}")


def text_of(intent: Mapping[str, Any] | str) -> str:
    """An intent as it is handed over."""
    return intent if isinstance(intent, str) else json.dumps(intent)


def digest(intent: Mapping[str, Any] | str) -> str:
    """The digest that the status has to tell."""
    return hashlib.sha256(text_of(intent).encode()).hexdigest()


def words(done: subprocess.CompletedProcess[str]) -> str:
    """What a program said, in a line."""
    return " ".join((done.stderr.strip() or done.stdout.strip() or "it said nothing").split())[:200]
