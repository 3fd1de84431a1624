"""UDP datagrams whose data are known at both ends: what arrives is what was sent, or somebody changed it."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.traffic.result import TrafficError

_LARGEST = 1 << 16
_QUIET_SECONDS = 0.5
"""After the last datagram that came, where some are missing: no more is waited for."""


@dataclass(frozen=True)
class Exchange:
    """What came *there*, to the server, and then *back*; *trouble* is what ended it early, if anything."""

    there: tuple[bytes, ...]
    back: tuple[bytes, ...]
    trouble: str = ""


def exchange(
    client: Namespace,
    server: Namespace,
    end: tuple[str, int],
    *,
    there: Sequence[bytes],
    back: Sequence[bytes],
    deadline: float,
) -> Exchange:
    """Send *there* from *client* to address and port *end* of *server*, which then sends *back*, to that port alone.

    It lasts *deadline* seconds at most. Raises :class:`TrafficError` when the server's host cannot listen.
    """
    latest = time.monotonic() + deadline
    with (
        server.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving,
        client.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        try:
            serving.bind(end)
        except OSError as error:
            raise TrafficError(f"the server's host cannot listen on {end[0]}:{end[1]}: {error.strerror}") from error
        came: tuple[list[bytes], list[bytes]] = [], []
        try:
            asking.connect(end)
            serving.connect(asking.getsockname())  # so it takes what is of this exchange and nothing else
            with ThreadPoolExecutor(max_workers=1) as pool:
                served = pool.submit(_receive, serving, came[0], len(there), latest)
                _send(asking, there)
            served.result()
            _send(serving, back if came[0] else ())
            _receive(asking, came[1], len(back) if came[0] else 0, latest)
        except OSError as error:
            return Exchange(tuple(came[0]), tuple(came[1]), str(error))
    return Exchange(tuple(came[0]), tuple(came[1]))


def _send(ours: socket.socket, datagrams: Sequence[bytes]) -> None:
    for datagram in datagrams:
        ours.send(datagram)


def _receive(ours: socket.socket, found: list[bytes], count: int, latest: float) -> None:
    """Add to *found* what comes: *count* datagrams, and what is there already behind them."""
    try:
        while (left := latest - time.monotonic()) > 0:
            missing = len(found) < count
            ours.settimeout((min(left, _QUIET_SECONDS) if found else left) if missing else 0)
            found.append(ours.recv(_LARGEST))
    except (TimeoutError, BlockingIOError):
        return
