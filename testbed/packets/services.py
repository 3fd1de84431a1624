"""Real sockets that stand at the far end of a probe, so that the host's kernel does not answer "nobody here"."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from testbed.host.namespace import Namespace
from testbed.packets.wire import PacketError

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


@contextmanager
def listening(namespace: Namespace, address: str, ports: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Hold open ``(protocol, port)`` sockets on *address* in *namespace* for the length of the block.

    TCP connections are accepted by the kernel, UDP datagrams swallowed; nothing is ever answered by us.
    Raises :class:`PacketError` when a port is taken or the address is not the host's.
    """
    with ExitStack() as stack:
        for protocol, port in sorted(set(ports)):
            service = stack.enter_context(namespace.socket(socket.AF_INET, _KINDS[protocol]))
            try:
                service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                service.bind((address, port))
                if protocol == "tcp":
                    service.listen(128)
            except OSError as error:
                raise PacketError(f"cannot listen on {protocol} {address}:{port}: {error.strerror}") from error
        yield
