"""The engine in user space: a wire of VDE's ``wirefilter`` between an underlay's bridge and one of its ports.

::

    bridge ── tap "wf<n>i" ══ wirefilter ══ tap "wf<n>o" ── small bridge "wf<n>" ── port

*n* is the port's interface index, so the names are unique in the namespace and say which port they belong to. Only
the direction from the bridge to the port is impaired, as with the kernel's engines. Parameters change at run time
over wirefilter's control socket, without touching the wire, also from another process than the one that plugged it.
A wirefilter that is killed starts anew, with what was set last: without it nothing would pass.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from testbed.host.child_process import Lifetime, start
from testbed.host.namespace import Namespace
from testbed.impairment.control import answers, command, shut_down
from testbed.impairment.model import ImpairmentError, ip, link, queue_bytes
from testbed.polling import poll
from testbed.spec.model import Impairment

READY_SECONDS = 5.0
# A signal, not an end of its own (by its control socket, or because it cannot start); ends with the shell itself.
_ANEW = """
while rm -f "$1"; setpriv --pdeathsig KILL -- wirefilter -f "$2" -M "$1" -v "$3"; [ $? -gt 128 ]; do :; done
"""
_QUIET_BRIDGE = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"


def settings(impairment: Impairment) -> dict[str, str]:
    """Return wirefilter's parameters for *impairment*: milliseconds ± uniform jitter, percent, bytes/s, bytes."""
    rate = impairment.rate_mbit
    return {
        "delay": f"{impairment.delay_ms:g}+{impairment.jitter_ms:g}U",
        "loss": f"{impairment.loss_percent:g}",
        "bandwidth": str(round(rate * 1e6 / 8)) if rate is not None else "0",
        "chanbufsize": str(queue_bytes(impairment)) if rate is not None else "0",
    }


@dataclass(frozen=True)
class Wire:
    """The names around one port; *folder* holds its control socket and what wirefilter reads."""

    index: int
    folder: Path

    @property
    def bridge(self) -> str:
        """Return the small bridge that holds the port."""
        return f"wf{self.index}"

    @property
    def inner(self) -> str:
        """Return the tap at the underlay's bridge."""
        return f"wf{self.index}i"

    @property
    def outer(self) -> str:
        """Return the tap at the port."""
        return f"wf{self.index}o"

    @property
    def control(self) -> Path:
        """Return the path of wirefilter's control socket."""
        return self.folder / "control"

    @property
    def settings(self) -> Path:
        """Return the path of what was set last, as wirefilter reads it when it starts."""
        return self.folder / "settings"

    def set(self, impairment: Impairment) -> None:
        """Tell the running wirefilter what to do to each packet, and whoever takes its place."""
        wanted = settings(impairment)
        fresh = self.folder / "settings.new"
        fresh.write_text("".join(f"{name} LR{value}\n" for name, value in wanted.items()))
        fresh.rename(self.settings)
        command(self.control, wanted)


@dataclass(frozen=True)
class WirefilterEngine:
    """Wires in *namespace*, their files below *folder*; processes are labelled with *lab* and live for *lifetime*."""

    namespace: Namespace
    folder: Path
    lab: str | None = None
    lifetime: Lifetime = "parent"

    def set(self, port: str, impairment: Impairment) -> None:
        """See :class:`testbed.impairment.model.Engine`; *port* must be a bridge's. Changing loses no packet."""
        wire, master = self._wire(port)
        if master != wire.bridge:
            self._plug(wire, port, master, impairment)
        else:
            wire.set(impairment)

    def clear(self, port: str) -> None:
        """See :class:`testbed.impairment.model.Engine`."""
        wire, master = self._wire(port)
        if master == wire.bridge:
            inner = link(self.namespace, wire.inner)
            back = f"master {inner['master']}" if inner and "master" in inner else "nomaster"
            ip(self.namespace, f"link set dev {port} {back}")
        self._unmake(wire)

    def active(self, port: str) -> bool:
        """Tell whether *port* is behind a wire."""
        wire, master = self._wire(port)
        return master == wire.bridge

    def _wire(self, port: str) -> tuple[Wire, str]:
        found = link(self.namespace, port)
        if not found:
            raise ImpairmentError(f"there is no interface {port} in {self.namespace.path}")
        return Wire(int(found["ifindex"]), self.folder / port), str(found.get("master", ""))

    def _plug(self, wire: Wire, port: str, master: str, impairment: Impairment) -> None:
        if not master:
            raise ImpairmentError(f"{port} is no port of a bridge: a wire has nothing to stand between")
        self._unmake(wire)
        try:
            self._make(wire, int((link(self.namespace, port) or {"mtu": 1500})["mtu"]))
            self._serve(wire)
            wire.set(impairment)
            ip(
                self.namespace,
                f"link set dev {wire.inner} master {master}",
                f"link set dev {port} master {wire.bridge}",
            )
        except ImpairmentError:
            self.clear(port)
            raise

    def _make(self, wire: Wire, mtu: int) -> None:
        """Make the taps and the small bridge: without spanning tree or snooping."""
        ip(
            self.namespace,
            f"link add dev {wire.bridge} {_QUIET_BRIDGE}",
            *(f"tuntap add dev {tap} mode tap" for tap in (wire.inner, wire.outer)),
            *(f"link set dev {tap} mtu {mtu}" for tap in (wire.inner, wire.outer)),
            f"link set dev {wire.outer} master {wire.bridge}",
            *(f"link set dev {name} up" for name in (wire.bridge, wire.inner, wire.outer)),
        )

    def _serve(self, wire: Wire) -> None:
        """Start wirefilter and return when it answers; it would end at the end of its standard input."""
        wire.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ends = ":".join(str(self._descriptor(wire, tap)) for tap in (wire.inner, wire.outer))
        wire.settings.touch()
        console = wire.folder / "console"
        os.mkfifo(console, 0o600)
        endless = os.open(console, os.O_RDWR)
        try:
            log = (wire.folder / "log").open("w")
            with log:
                child = start(
                    ["sh", "-c", _ANEW, "sh", str(wire.control), str(wire.settings), ends],
                    namespace=self.namespace,
                    lab=self.lab,
                    lifetime=self.lifetime,
                    stdin=endless,
                    stdout=log,
                    stderr=log,
                )
        finally:
            os.close(endless)
        if (
            not poll(lambda: answers(wire.control) or child.poll() is not None, READY_SECONDS)
            or child.poll() is not None
        ):
            child.kill()
            child.wait()
            logged = (wire.folder / "log").read_text().strip()
            raise ImpairmentError(f"wirefilter does not serve {wire.bridge}: {logged or 'it says nothing'}")

    def _descriptor(self, wire: Wire, tap: str) -> Path:
        """Write the file by which wirefilter finds *tap*: a VDE locator itself would clash with its ``a:b`` option."""
        path = wire.folder / tap
        if ":" in str(path):
            raise ImpairmentError(f"{path}: wirefilter cannot use a path with a colon")
        path.write_text(f"tap://{tap}\n")
        return path

    def _unmake(self, wire: Wire) -> None:
        shut_down(wire.control)
        for name in (wire.inner, wire.outer, wire.bridge):
            if link(self.namespace, name):
                ip(self.namespace, f"link delete dev {name}")
        if wire.folder.exists():
            for path in wire.folder.iterdir():
                path.unlink()
            wire.folder.rmdir()
