"""What this machine's kernel and Open vSwitch have, as far as links and switches need to know."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from pyroute2 import GenericNetlinkSocket
from pyroute2.netlink import genlmsg
from pyroute2.netlink.exceptions import NetlinkError

from testbed.host import netns
from testbed.host.namespace import Namespace
from testbed.threads import in_own_thread

ESP_STATE = "src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel aead rfc4106(gcm(aes)) 0x{} 128"


@functools.cache
def has_netem() -> bool:
    """Tell whether the kernel has netem (delay and loss): tries it in a namespace of its own."""
    return _works("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")


@functools.cache
def has_esp() -> bool:
    """Tell whether the kernel does ESP with AES-GCM: tries it in a namespace of its own."""
    return _works("ip", "xfrm", "state", "add", *ESP_STATE.format("00" * 36).split())


def has_ipv6() -> bool:
    """Tell whether the kernel was started with IPv6."""
    return Path("/proc/sys/net/ipv6").exists()


def _works(*argv: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="lso-", dir="/run") as folder:
        path = Path(folder) / "ns"
        netns.make(path)
        try:
            done = Namespace(str(path)).run(argv, check=False)
        finally:
            netns.remove(path)
    return done.returncode == 0


@functools.cache
def has_ovs_datapath() -> bool:
    """Tell whether the kernel has Open vSwitch's datapath, loading its module if need be."""
    return ovs_datapath_fault() is None


def ovs_datapath_fault() -> str | None:
    """Return why the datapath's family is not in generic netlink, or None: a kernel can have it without a module."""
    if not Path("/sys/module/openvswitch").exists() and shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", "openvswitch"], check=False, capture_output=True, timeout=5)
    return in_own_thread(_no_datapath_family)


def _no_datapath_family() -> str | None:
    netlink = GenericNetlinkSocket()
    try:
        netlink.bind("ovs_datapath", genlmsg)
    except (NetlinkError, OSError) as fault:
        return f"the kernel has no generic netlink family ovs_datapath ({fault.args[-1]})"
    finally:
        netlink.close()
    return None


def ovs_bridges() -> set[str]:
    """Return the names of the bridges of the machine's Open vSwitch; none when it does not run."""
    try:
        done = subprocess.run(
            ["ovs-vsctl", "--timeout=5", "list-br"], check=False, capture_output=True, text=True, timeout=10
        )
    except FileNotFoundError:
        return set()
    return set(done.stdout.split()) if done.returncode == 0 else set()
