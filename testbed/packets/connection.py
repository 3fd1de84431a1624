"""A real TCP connection from a host: handshake, data there and back, and its end, by the host's own kernel."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.packets.wire import PacketError

COMPLETED, TIMED_OUT, REFUSED = "completed", "timed out", "refused"
_PART = 1 << 15  # octets under way before their answer: no buffer is too small for them, so neither end waits for ever


@dataclass(frozen=True)
class Connection:
    """What became of a connection: *ended* is ``completed``, ``timed out``, ``refused`` or the system's word.

    *established* tells whether the handshake was done, *received* is what had come back by then.
    """

    ended: str
    established: bool = False
    received: bytes = b""


def connect(
    namespace: Namespace,
    source: tuple[str, int],
    target: tuple[str, int],
    data: bytes,
    deadline: float,
    meanwhile: Callable[[], None] = lambda: None,
    total_seconds: float = float("inf"),
) -> Connection:
    """Connect *source* in *namespace* to *target*, send *data*, wait for as many octets, and close.

    *meanwhile* is called once, while the connection is open and all has come back. No step takes longer than
    *deadline* seconds, and all of *data* there and back no longer than *total_seconds*. Raises :class:`PacketError`
    when the source cannot be used.
    """
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        try:
            client.bind(source)
        except OSError as error:
            raise PacketError(f"cannot connect from {source[0]}:{source[1]}: {error.strerror}") from error
        client.settimeout(deadline)
        established, received = False, b""
        try:
            client.connect(target)
            established = True
            end = time.monotonic() + total_seconds
            for begin in range(0, len(data), _PART):
                client.sendall(data[begin : begin + _PART])
                wanted = min(begin + _PART, len(data))
                while len(received) < wanted and (part := client.recv(65535)):
                    received += part
                    if time.monotonic() > end:
                        return Connection(TIMED_OUT, established, received)
            meanwhile()
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65535):
                received += part
        except OSError as error:
            return Connection(_word(error), established, received)
        return Connection(COMPLETED, established, received)


def _word(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return REFUSED if error.errno == errno.ECONNREFUSED else str(error.strerror)
