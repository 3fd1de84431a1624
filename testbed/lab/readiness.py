"""Wait until a uCPE is ready: its three management ports answer. No exec into it, no look at its logs."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testbed.polling import poll

INTERVAL = 0.015  # seconds
HELLO = 0  # ofp_header.type, OpenFlow 1.4 §7.1
SELECT_PORTS = {
    "id": 0,
    "method": "transact",
    "params": ["Open_vSwitch", {"op": "select", "table": "Interface", "where": [], "columns": ["name", "ofport"]}],
}


class NotReady(RuntimeError):
    """A uCPE did not come up in time; the message says which of its ports and why."""


@dataclass(frozen=True)
class Endpoint:
    """A uCPE's management address, and the files of a client's TLS credentials."""

    address: str
    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings of a client of this uCPE."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return context


def wait_until_ready(
    endpoint: Endpoint, ports: Sequence[str], docker: int, ovsdb: int, openflow: int, deadline: float = 30.0
) -> dict[str, float]:
    """Wait for Docker's answer, an OpenFlow hello, and *ports* on the bridge; return the seconds that each took.

    Raises :class:`NotReady` after *deadline* seconds.
    """
    context = endpoint.context()
    checks: dict[str, Callable[[], str]] = {
        "docker": lambda: _docker(context, endpoint.address, docker),
        "openflow": lambda: _openflow(context, endpoint.address, openflow),
        "ports": lambda: _ports(context, endpoint.address, ovsdb, ports),
    }
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        waits = {name: pool.submit(_wait, name, check, deadline) for name, check in checks.items()}
    return {name: wait.result() for name, wait in waits.items()}


def _wait(name: str, check: Callable[[], str], deadline: float) -> float:
    started, missing = time.monotonic(), ""

    def ready() -> bool:
        nonlocal missing
        try:
            missing = check()
        except (OSError, ValueError) as error:
            missing = str(error) or type(error).__name__
        return not missing

    if not poll(ready, deadline, INTERVAL):
        raise NotReady(f"{name} not ready after {time.monotonic() - started:.0f} s: {missing}")
    return time.monotonic() - started


def _connect(context: ssl.SSLContext, address: str, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection((address, port), timeout=2)
    try:
        return context.wrap_socket(plain, server_hostname=address)
    except OSError:
        plain.close()
        raise


def _docker(context: ssl.SSLContext, address: str, port: int) -> str:
    with _connect(context, address, port) as stream:
        stream.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        answer = stream.recv(64)
    return "" if b" 200 " in answer else f"the engine answers {answer[:32]!r}"


def _openflow(context: ssl.SSLContext, address: str, port: int) -> str:
    with _connect(context, address, port) as stream:
        header = stream.recv(8)
    return "" if len(header) == 8 and header[1] == HELLO else f"the switch answers {header!r}"


def _ports(context: ssl.SSLContext, address: str, port: int, wanted: Sequence[str]) -> str:
    with _connect(context, address, port) as stream:
        stream.sendall(json.dumps(SELECT_PORTS).encode())
        text = b""
        while not _complete(text):
            more = stream.recv(65536)
            if not more:
                return "OVSDB closed the connection"
            text += more
    rows = json.loads(text)["result"][0]["rows"]
    numbers = {row["name"]: row["ofport"] for row in rows}
    missing = [name for name in wanted if not (isinstance(numbers.get(name), int) and numbers[name] > 0)]
    return f"the bridge has no port {', '.join(missing)}" if missing else ""


def _complete(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
