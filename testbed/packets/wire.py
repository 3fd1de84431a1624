"""Frames in and out of an interface in a namespace, by AF_PACKET sockets of this very process."""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from types import TracebackType

from testbed.errors import ProbeError
from testbed.host.namespace import Namespace

BROADCAST = b"\xff" * 6
ETH_ARP = 0x0806
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
SIOCGIFHWADDR = 0x8927
RECEIVE_BUFFER = 8 << 20
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_RETRY = 0.2
_ADDRESS = slice(18, 24)  # in what that answers: behind the interface's name and the kind of address
_DRAIN = 1.0  # seconds beyond the deadline for frames that wait in the socket

Match = Callable[[bytes], bool]


class PacketError(ProbeError):
    """A frame could not be sent or a socket could not be opened on an interface."""


def open_socket(namespace: Namespace, interface: str) -> socket.socket:
    """Return an AF_PACKET socket on *interface*; :class:`PacketError` when namespace or interface are missing."""
    try:
        return namespace.packet_socket(interface)
    except OSError as error:
        raise PacketError(f"no packet socket on {interface} in {namespace.path}: {error.strerror}") from error


def interface_mac(namespace: Namespace, interface: str) -> str:
    """Return the MAC address of *interface* as ``aa:bb:cc:dd:ee:ff``."""
    # Not by a packet socket: to close one takes the kernel 10 ms and more.
    try:
        with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            answer = fcntl.ioctl(any_socket, SIOCGIFHWADDR, struct.pack("256s", interface.encode()))
    except OSError as error:
        raise PacketError(f"no interface {interface} in {namespace.path}: {error.strerror}") from error
    return _text(answer[_ADDRESS])


def send(namespace: Namespace, interface: str, frames: Sequence[bytes], interval_seconds: float = 0.0) -> None:
    """Send *frames* (Ethernet header included) in order, one each *interval_seconds*.

    Raises :class:`PacketError` when one could not be handed to the interface; what had been sent stays sent.
    """
    with open_socket(namespace, interface) as raw:
        begin = time.monotonic()
        for number, frame in enumerate(frames):
            pace(begin + number * interval_seconds)
            put(raw, frame)


def put(raw: socket.socket, frame: bytes) -> None:
    """Send one *frame* on an open packet socket, all of it, or raise :class:`PacketError`."""
    try:
        raw.send(frame)
    except OSError as error:
        name = raw.getsockname()[0]
        raise PacketError(f"{name} refused a frame of {len(frame)} bytes: {error.strerror}") from error


def pace(moment: float) -> None:
    """Wait for *moment* of the monotonic clock; a moment that has passed costs nothing."""
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)


class Receiver:
    """Frames that arrive on an interface from the moment the ``with`` block is entered, waiting to be asked for."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        self._namespace = namespace
        self._interface = interface
        self._socket: socket.socket | None = None

    def __enter__(self) -> Receiver:
        self._socket = open_socket(self._namespace, self._interface)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def put(self, frame: bytes) -> None:
        """Send *frame* as :func:`put` does."""
        put(self._opened(), frame)

    def _opened(self) -> socket.socket:
        if not self._socket:
            raise PacketError("a receiver works inside its with block only")
        return self._socket

    def wait(self, match: Match, deadline: float) -> bytes | None:
        """Return the next arriving frame for which *match* holds, None after *deadline* seconds.

        Frames that this host itself sends are passed over.
        """
        raw, end = self._opened(), time.monotonic() + deadline
        while (left := end - time.monotonic()) > -_DRAIN:
            raw.settimeout(max(left, 0.0))  # late, it still takes what has arrived in time and waits to be read
            try:
                frame, sender = raw.recvfrom(65535)
            except (TimeoutError, BlockingIOError):
                break
            if sender[0] == self._interface and sender[2] != PACKET_OUTGOING and match(frame):
                return frame
        return None


def receive(namespace: Namespace, interface: str, match: Match, deadline: float) -> bytes | None:
    """Return the first frame that arrives from now on and matches, None after *deadline* seconds.

    Whoever sends the frame too should open a :class:`Receiver` first, so that the answer cannot be missed.
    """
    with Receiver(namespace, interface) as receiver:
        return receiver.wait(match, deadline)


def resolve(namespace: Namespace, interface: str, source_ip: str, target_ip: str, deadline: float = 3.0) -> str:
    """Return the MAC address of *target_ip* by real ARP requests from *source_ip* (RFC 826).

    Asks anew every 0.2 s; raises :class:`PacketError` when nobody answered within *deadline* seconds.
    """
    source, target = IPv4Address(source_ip).packed, IPv4Address(target_ip).packed
    own = bytes.fromhex(interface_mac(namespace, interface).replace(":", ""))
    question = _ARP.pack(1, 0x0800, 6, 4, 1, own, source, bytes(6), target)
    request = BROADCAST + own + struct.pack("!H", ETH_ARP) + question
    end = time.monotonic() + deadline
    with Receiver(namespace, interface) as receiver:
        while (left := end - time.monotonic()) > 0:
            receiver.put(request)
            answer = receiver.wait(lambda frame: arp_sender(frame, target) is not None, min(left, _ARP_RETRY))
            if answer:
                return _text(arp_sender(answer, target) or b"")
    raise PacketError(f"nobody answers ARP for {target_ip} on {interface} within {deadline} s")


def arp_sender(frame: bytes, address: bytes) -> bytes | None:
    """Return the MAC that the ARP reply *frame* gives for the packed IPv4 *address*, None for any other frame."""
    if len(frame) < 14 + _ARP.size or frame[12:14] != ETH_ARP.to_bytes(2, "big"):
        return None
    fields = _ARP.unpack_from(frame, 14)
    operation, mac, sender = fields[4], fields[5], fields[6]
    return mac if operation == 2 and sender == address else None


def _text(mac: bytes) -> str:
    return mac.hex(":")
