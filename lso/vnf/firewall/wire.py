"""A firewall between two silent hosts: frames that go in and come out, and its counters."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scapy.packet import Packet, Raw

from lso.vnf.faults import ProductFault
from lso.vnf.firewall.cases import ARP_TYPE, IP4, OTHER, Case, Sent
from testbed.bench import Host
from testbed.host.namespace import Namespace
from testbed.packets.wire import RECEIVE_BUFFER, SO_RCVBUFFORCE, interface_mac
from testbed.polling import poll

SECONDS, IMPATIENT_SECONDS = 5.0, 0.5
"""In which what passes must have come, for a machine may be busy; and once that much has been missed in vain."""
MISSED_LIMIT = 3
GSO_SIZE = 1000
"""Octets in a segment of a super-packet."""
_VNET_HEADER = 15  # PACKET_VNET_HDR of packet(7)
_SOL_PACKET = 263
BROADCAST = "ff:ff:ff:ff:ff:ff"
TOTALS = ("established", "default", "foreign")
BYTES = " bytes"
"""Behind a counter's name, which has no space, where it is about its bytes."""
Totals = dict[str, int]


def octets(mac: str) -> bytes:
    """A MAC address as a frame has it."""
    return bytes.fromhex(mac.replace(":", ""))


@dataclass
class Wire:
    """*apply* and *status* are the firewall's; *totals* are its counters after the last case."""

    apply: Callable[[dict[str, Any]], object]
    status: Callable[[], Mapping[str, Any]]
    macs: dict[str, str]
    sockets: dict[str, socket.socket]
    totals: Totals = field(default_factory=lambda: _each(dict.fromkeys(TOTALS, 0)))
    rules: list[dict[str, Any]] = field(default_factory=list)
    missed: int = 0

    @classmethod
    @contextlib.contextmanager
    def between(
        cls, hosts: Mapping[str, Host], apply: Callable[[dict[str, Any]], object], status: Callable[[], dict[str, Any]]
    ) -> Iterator[Wire]:
        """Yield the wire through the firewall between these hosts, by side; each is plugged in as ``eth0``.

        *apply* makes the firewall's part of an intent so.
        """
        macs = {side: interface_mac(host.namespace, "eth0") for side, host in hosts.items()}
        with contextlib.ExitStack() as stack:
            sockets = {}
            for side, host in hosts.items():
                raw = stack.enter_context(contextlib.closing(host.namespace.packet_socket("eth0")))
                raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
                sockets[side] = raw
            yield cls(apply, status, macs, sockets)

    def make(self, firewall: dict[str, Any]) -> None:
        """Apply *firewall* as the intent, and note where its counters start: those of unchanged rules go on."""
        self.apply(firewall)
        kept = {rule["id"] for rule in firewall["rules"] if rule in self.rules}
        own = _each({rule["id"]: 0 for rule in firewall["rules"]})
        carried = _each(dict.fromkeys((*TOTALS, *kept), 0))
        self.totals = own | {name: self.totals[name] for name in carried}
        self.rules = firewall["rules"]

    def count(self) -> Totals:
        """Packets and bytes that the status tells, by counter; raises ProductFault when one is missing."""
        state = self.status()
        try:
            counters = {name: state[name] for name in TOTALS} | {rule["id"]: rule for rule in state["rules"]}
            return {
                name + unit: counter[key]
                for name, counter in counters.items()
                for unit, key in (("", "packets"), (BYTES, "bytes"))
            }
        except (KeyError, TypeError) as error:
            raise ProductFault(f"the status lacks the counter {error}") from error

    def between_hosts(self, side: str, mac: str | None = None) -> bytes:
        """The addresses of a frame from *side* to *mac*, by default the other host's."""
        return octets(mac or self.macs[OTHER[side]]) + octets(self.macs[side])

    def send(self, sent: Sent, expected: bool) -> list[bytes]:
        """Send, and return what came out of the firewall; what should have passed may be late and is waited for."""
        addresses = self.between_hosts(sent.side, sent.mac)
        return self.pass_through(sent.side, [addresses + frame for frame in sent.frames], len(sent.frames) * expected)

    def pass_through(self, side: str, frames: Sequence[bytes], wanted: int) -> list[bytes]:
        """Send whole frames, then an ARP request from the same side, which passes: what came out until then.

        Not before *wanted* have come, in the time that is given.
        """
        near, far = self.sockets[side], self.sockets[OTHER[side]]
        for frame in frames:
            _send(near, frame)
        mark = time.monotonic_ns().to_bytes(8, "big")
        _send(near, octets(BROADCAST) + octets(self.macs[side]) + ARP_TYPE + bytes(28) + mark)
        found: list[bytes] = []
        marked, deadline = False, time.monotonic() + SECONDS
        impatient = time.monotonic() + IMPATIENT_SECONDS
        while not marked or len(found) < wanted:
            if marked and self.missed >= MISSED_LIMIT:
                deadline = impatient
            far.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                frame = far.recv(65535)
            except TimeoutError:
                if not marked:
                    raise ProductFault(f"not even ARP passes from the {side.upper()}") from None
                self.missed += 1
                break
            if mark in frame:
                marked = True
            else:
                found.append(frame)
        return found

    def send_super(self, near: Namespace, header: Packet, segments: int) -> bytes:
        """Send a TCP packet from *near*, the LAN, that is still to be cut into *segments*; return what it carries.

        *header* is IPv4 and TCP without options.
        """
        payload = random.randbytes(GSO_SIZE * (segments - 1) + GSO_SIZE // 2)  # noqa: S311  (to be told apart, no secret)
        packet = self.between_hosts("lan") + IP4 + bytes(header / Raw(payload))
        needs_checksum, tcp4 = b"\x01", b"\x01"
        virtio = needs_checksum + tcp4 + struct.pack("<HHHH", 54, GSO_SIZE, 34, 16)
        with contextlib.closing(near.packet_socket("eth0")) as source:
            source.setsockopt(_SOL_PACKET, _VNET_HEADER, 1)
            source.send(virtio + packet)
        return payload

    def judge(self, case: Case) -> list[str]:
        """Send a case of the table through; return what became of it that should not, one sentence for each."""
        self.make(case.firewall)
        least: Counter[str] = Counter(self.totals)
        most = least.copy()
        wrong: list[str] = []
        try:
            for sent in case.packets:
                wrong += self._judged(case, sent)
                for name in case.counters(sent.outcome):
                    least[name] += 1
                    most[name] += len(sent.frames)  # a product may judge the fragments of a packet one by one
                    least[name + BYTES] += sent.whole_bytes
                    most[name + BYTES] += sent.bytes
        finally:
            self.totals = self.count()  # the next case starts from it
        unsaid = {name + BYTES for name in case.counters("foreign")} if case.has_foreign else set()
        return wrong + [
            f"counter {name!r} is at {count}, not at {_range(least[name], most[name])}"
            for name, count in self.totals.items()
            if name not in unsaid and not least[name] <= count <= most[name]
        ]

    def _judged(self, case: Case, sent: Sent) -> Iterator[str]:
        passes = case.passes(sent.outcome)
        came = self.send(sent, passes)
        addresses = self.between_hosts(sent.side, sent.mac)
        wanted = [addresses + frame for frame in sent.frames] if passes else []
        if sorted(came) == sorted(wanted):
            return
        if passes and not came:
            yield f"{sent.line!r} is dropped, should pass ({sent.outcome})"
        elif not passes:
            yield f"{sent.line!r} passes, should be dropped ({sent.outcome})"
        else:
            seen, should = ([frame.hex() for frame in frames] for frames in (came, wanted))
            yield f"{sent.line!r} does not come out as it went in ({sent.outcome}): {seen}, not {should}"


def _send(near: socket.socket, frame: bytes) -> None:
    """Send, again where the kernel had no room for what it has to receive: nobody has seen the frame then."""

    def sent() -> bool:
        try:
            near.send(frame)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return False
        return True

    if not poll(sent, SECONDS):
        raise OSError(errno.ENOBUFS, f"no frame can be sent within {SECONDS:.0f} s")


def _each(counters: Totals) -> Totals:
    """The counters with those of their bytes."""
    return {name + unit: count for name, count in counters.items() for unit in ("", BYTES)}


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
