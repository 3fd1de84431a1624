"""One TCP connection whose data are known at both ends: what arrives is what was sent, or somebody changed it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.traffic.result import TrafficError

_PART = 1 << 16
_BACKLOG = 1


@dataclass(frozen=True)
class Transfer:
    """What came *there*, to the server, and then *back*; *trouble* is what ended the connection early, if anything."""

    there: bytes
    back: bytes
    trouble: str = ""


def transfer(
    client: Namespace, server: Namespace, end: tuple[str, int], *, there: bytes, back: bytes, deadline: float
) -> Transfer:
    """Send *there* from *client* to address and port *end* of *server*, which then sends *back*.

    It lasts *deadline* seconds at most. Raises :class:`TrafficError` when the server's host cannot listen.
    """
    latest = time.monotonic() + deadline
    received = bytearray(), bytearray()
    with server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        _listen(listener, end)
        with ThreadPoolExecutor(max_workers=1) as pool:
            served = pool.submit(_serve, listener, back, received[0], latest)
            trouble = _ask(client, end, there, received[1], latest)
            if trouble:
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)  # it waits for nobody else
            trouble = trouble or served.result()
    return Transfer(bytes(received[0]), bytes(received[1]), trouble)


def _listen(listener: socket.socket, end: tuple[str, int]) -> None:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(end)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise TrafficError(f"the server's host cannot listen on {end[0]}:{end[1]}: {error.strerror}") from error


def _serve(listener: socket.socket, data: bytes, received: bytearray, latest: float) -> str:
    try:
        listener.settimeout(_left(latest))
        accepted, _ = listener.accept()
        with accepted:
            _receive(accepted, received, latest)
            _send(accepted, data, latest)
    except OSError as error:
        return str(error)
    return ""


def _ask(client: Namespace, end: tuple[str, int], data: bytes, received: bytearray, latest: float) -> str:
    with client.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        try:
            asking.settimeout(_left(latest))
            asking.connect(end)
            _send(asking, data, latest)
            _receive(asking, received, latest)
        except OSError as error:
            return str(error)
    return ""


def _send(ours: socket.socket, data: bytes, latest: float) -> None:
    ours.settimeout(_left(latest))
    ours.sendall(data)
    ours.shutdown(socket.SHUT_WR)


def _receive(ours: socket.socket, received: bytearray, latest: float) -> None:
    while True:
        ours.settimeout(_left(latest))
        part = ours.recv(_PART)
        if not part:
            return
        received += part


def _left(latest: float) -> float:
    """Return the seconds until *latest*; raise ``TimeoutError`` when they are over."""
    seconds = latest - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds
