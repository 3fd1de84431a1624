"""Probes of the machine around the network: privileges, the Docker Engine, programs, memory, disk, control groups."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

ENGINE_SOCKET = "/var/run/docker.sock"
OLDEST_API = (1, 41)
GIB = 1 << 30
MEMORY_GIB, DISK_GIB = 1.0, 3.0  # what the smallest lab with two sites needs, images included
CAPABILITIES = {  # bit in the kernel's capability sets (linux/capability.h): name
    0: "CHOWN", 1: "DAC_OVERRIDE", 5: "KILL", 12: "NET_ADMIN", 13: "NET_RAW", 19: "SYS_PTRACE", 21: "SYS_ADMIN",
    27: "MKNOD",
}  # fmt: skip
PROGRAMS = {  # program: Debian's package
    "ip": "iproute2", "tc": "iproute2", "nft": "nftables", "tcpdump": "tcpdump", "iperf3": "iperf3",
    "ping": "iputils-ping", "nsenter": "util-linux", "setpriv": "util-linux", "ethtool": "ethtool",
    "ovs-vsctl": "openvswitch-switch", "tcc": "tcc",
}  # fmt: skip


def privileges(status: str | None = None) -> str | None:
    """Return which needed capabilities this process lacks, by the text of ``/proc/self/status``; None for none."""
    text = Path("/proc/self/status").read_text() if status is None else status
    effective = next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapEff:"))
    missing = [name for bit, name in CAPABILITIES.items() if not effective >> bit & 1]
    return f"this process lacks {', '.join(missing)}" if missing else None


def docker_engine(path: str = ENGINE_SOCKET) -> tuple[str, str | None]:
    """Return the engine's version, and why it cannot be used (None: it can)."""
    connection = http.client.HTTPConnection("docker", timeout=2)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(2)
    try:
        connection.sock.connect(path)
        connection.request("GET", "/version")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, json.JSONDecodeError) as fault:
        return "", f"no engine answers on {path}: {getattr(fault, 'strerror', None) or fault}"
    finally:
        connection.close()
    return str(answer.get("Version", "")), too_old(str(answer.get("ApiVersion", "0")))


def too_old(api: str) -> str | None:
    """Return why an engine with *api* version cannot be used, None when it can."""
    if tuple(int(part) for part in api.split(".")) >= OLDEST_API:
        return None
    return f"its API is {api}, older than {'.'.join(map(str, OLDEST_API))}"


def missing_programs(wanted: Sequence[str] = tuple(PROGRAMS)) -> str | None:
    """Return which of the *wanted* programs are not installed."""
    missing = [name for name in wanted if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None


def wirefilter() -> str | None:
    """Look for VDE's wirefilter."""
    return missing_programs(["wirefilter"])


def cgroup_version() -> str:
    """Return which control groups the machine has: v2, v1, or none."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1" if (root / "memory").exists() or (root / "cpu").exists() else ""


def memory_gib() -> float:
    """Return how much memory is available, in GiB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 / GIB
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB


def disk_gib(folder: str = "/var/lib/docker") -> float:
    """Return how much space is free where images live, in GiB."""
    return shutil.disk_usage(folder if Path(folder).exists() else "/").free / GIB
