"""Real sockets that stand at the far end of a probe, so that the host's kernel does not answer "nobody here"."""

from __future__ import annotations

import ctypes
import selectors
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread

from testbed.host.namespace import Namespace
from testbed.packets.wire import PacketError

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_SO_ATTACH_FILTER = 26
_REFUSE_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: return 0 octets of the packet


@contextmanager
def listening(namespace: Namespace, address: str, ports: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Hold open ``(protocol, port)`` sockets on *address* in *namespace* for the length of the block.

    TCP connections are accepted by the kernel, UDP datagrams swallowed; nothing is ever answered by us.
    Raises :class:`PacketError` when a port is taken or the address is not the host's.
    """
    with ExitStack() as stack:
        _open(stack, namespace, address, ports)
        yield


@contextmanager
def silent(namespace: Namespace, address: str, ports: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Do as :func:`listening`, but no segment of TCP is ever answered: each socket's filter takes all of them.

    So both ends of a TCP dialogue can be crafted, and its every packet is known. Blocks beside each other may hold one
    port, for none of them takes anything that another waits for.
    """
    program = ctypes.create_string_buffer(_REFUSE_ALL)
    refuse_all = struct.pack("HL", 1, ctypes.addressof(program))
    with ExitStack() as stack:
        for service in _open(stack, namespace, address, ports, shared=True):
            service.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, refuse_all)
        yield


@contextmanager
def answering(namespace: Namespace, address: str, ports: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Do as :func:`listening`, and send back the :func:`answer` to what comes: UDP datagrams, data of connections."""
    with ExitStack() as stack:
        services = _open(stack, namespace, address, ports)
        selector = stack.enter_context(selectors.DefaultSelector())
        ended, end = (stack.enter_context(part) for part in socket.socketpair())
        selector.register(ended, selectors.EVENT_READ, ended)
        for service in services:
            service.setblocking(False)
            selector.register(service, selectors.EVENT_READ, service)
        echo = Thread(target=_echo, args=(selector, ended, services), name="lso-echo", daemon=True)
        echo.start()
        try:
            yield
        finally:
            end.send(b"x")
            echo.join()


def answer(data: bytes) -> bytes:
    """Return what is sent back for *data*: each octet inverted, so that no answer is taken for what was sent."""
    return bytes(octet ^ 0xFF for octet in data)


def _open(
    stack: ExitStack, namespace: Namespace, address: str, ports: Iterable[tuple[str, int]], *, shared: bool = False
) -> list[socket.socket]:
    services = []
    for protocol, port in sorted(set(ports)):
        service = stack.enter_context(namespace.socket(socket.AF_INET, _KINDS[protocol]))
        try:
            service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
            service.bind((address, port))
            if protocol == "tcp":
                service.listen(128)
        except OSError as error:
            raise PacketError(f"cannot listen on {protocol} {address}:{port}: {error.strerror}") from error
        services.append(service)
    return services


def _echo(selector: selectors.BaseSelector, ended: socket.socket, services: list[socket.socket]) -> None:
    """Answer until something comes from *ended*; a peer that is gone is none of ours."""
    while True:
        for key, _ in selector.select():
            ready: socket.socket = key.data
            if ready is ended:
                _close(selector, {ended, *services})
                return
            with suppress(OSError):
                if ready.type == socket.SOCK_DGRAM:
                    data, peer = ready.recvfrom(65535)
                    ready.sendto(answer(data), peer)
                elif ready in services:
                    accepted, _ = ready.accept()
                    selector.register(accepted, selectors.EVENT_READ, accepted)
                else:
                    _answer(selector, ready)


def _answer(selector: selectors.BaseSelector, connection: socket.socket) -> None:
    """Answer what has come by *connection*, or close it as its peer did."""
    with suppress(OSError):
        if data := connection.recv(65535):
            connection.sendall(answer(data))
            return
    selector.unregister(connection)
    connection.close()


def _close(selector: selectors.BaseSelector, ours: set[socket.socket]) -> None:
    """Close what is still open but for *ours*."""
    for key in list(selector.get_map().values()):
        if key.data not in ours:
            key.data.close()
