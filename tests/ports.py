"""Ports that a test may serve on, also when its server ends and starts anew."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below the range from which the kernel takes those of connections."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="utf-8").split()[0])
    while True:
        port = random.randrange(first // 2, first)  # noqa: S311  (another than that of other workers, nothing secret)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
