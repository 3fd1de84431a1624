"""Probes of the kernel's network functions, all in one namespace that is made for them and removed afterwards."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.host import netns
from testbed.host.namespace import Namespace

_ESP_KEY = "0x" + "00" * 36
_STATE = ("src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x1000")
_CIPHER = ("mode", "tunnel", "aead", "rfc4106(gcm(aes))", _ESP_KEY, "128")
_BRIDGE_CONNTRACK = """table bridge probe {
  chain forward { type filter hook forward priority 0; ct state established accept; }
}
"""


@contextmanager
def empty_namespace() -> Iterator[Namespace]:
    """Make a namespace for the block; raises OSError where this process may not."""
    folder = Path(tempfile.mkdtemp(prefix="lso-doctor-", dir="/run"))
    path = folder / "ns"
    try:
        netns.make(path)
        yield Namespace(str(path))
    finally:
        netns.remove(path)
        folder.rmdir()


@dataclass(frozen=True)
class NetworkProbes:
    """Each method returns None when the thing works in *namespace*, else why not."""

    namespace: Namespace

    def veth(self) -> str | None:
        """Make a veth pair and a bridge: what every topology consists of. The other probes use them."""
        return self._all("ip link add name one type veth peer name two", "ip link add name net type bridge")

    def esp(self) -> str | None:
        """Add and delete an ESP state with AES-GCM, as a tunnel has."""
        added = self._try(["ip", "xfrm", "state", "add", *_STATE, *_CIPHER])
        return added or self._try(["ip", "xfrm", "state", "delete", *_STATE])

    def netem(self) -> str | None:
        """Put delay, loss and rate on an interface."""
        return self._all(
            "tc qdisc add dev one root netem delay 1ms loss 1% rate 10mbit", "tc qdisc delete dev one root"
        )

    def tbf(self) -> str | None:
        """Put a rate limit on an interface."""
        return self._all(
            "tc qdisc add dev one root tbf rate 10mbit burst 10kb latency 50ms", "tc qdisc del dev one root"
        )

    def tun(self) -> str | None:
        """Make a tap, as Open vSwitch's datapath in user space, libipsec and wirefilter need."""
        return self._all("ip tuntap add dev tap mode tap")

    def macvlan(self) -> str | None:
        """Make a macvlan in passthru mode, as VNF ports are."""
        return self._all("ip link add name mv link one type macvlan mode passthru")

    def bridge_conntrack(self) -> str | None:
        """Load a stateful rule into the bridge family of nftables."""
        return self._try(["nft", "-f", "-"], _BRIDGE_CONNTRACK)

    def _all(self, *commands: str) -> str | None:
        return next((fault for command in commands if (fault := self._try(command.split()))), None)

    def _try(self, argv: Sequence[str], text: str = "") -> str | None:
        if not shutil.which(argv[0]):
            return f"{argv[0]} is not installed"
        done = self.namespace.run(argv, check=False, input=text, timeout=5)
        return None if done.returncode == 0 else first_line(done.stderr) or f"{argv[0]}: exit {done.returncode}"


def bridge_netfilter() -> str | None:
    """Look for br_netfilter, which lets iptables see what bridges forward."""
    return None if Path("/proc/sys/net/bridge").exists() else "module br_netfilter is not loaded"


def overlayfs() -> str | None:
    """Mount an overlay in a mount namespace of its own."""
    with tempfile.TemporaryDirectory(prefix="lso-doctor-", dir="/run") as folder:
        lower, upper, work, merged = (Path(folder, name) for name in ("lower", "upper", "work", "merged"))
        for path in (lower, upper, work, merged):
            path.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        argv = ["unshare", "--mount", "--", "mount", "-t", "overlay", "overlay", "-o", options, str(merged)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=5)
    return None if done.returncode == 0 else first_line(done.stderr)


def first_line(text: str) -> str:
    """Return the first line of a tool's complaint that says something, without the word error before it."""
    lines = [line.strip().removeprefix("Error: ") for line in text.splitlines() if line.strip()]
    return lines[0] if lines else ""
