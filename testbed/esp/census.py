"""Count whole ESP packets by their ends and SPI on ports of a namespace, however many there are.

The kernel counts, by nftables at the hooks of each port: a packet costs a look into a hash table, and memory is bound
by the number of SPIs. All that a capture leaves out by :data:`WHOLE_ESP` is counted, once: where it comes in, or where
it goes out when the namespace itself has sent it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from secrets import randbits, token_hex
from typing import Any

from testbed.capture import CaptureError
from testbed.errors import ProbeError
from testbed.host.namespace import Namespace

ROOM = 16_384
"""SPIs that are told apart on each port."""

WHOLE_ESP = (
    "greater 50 and ip[0] = 0x45 and len = ip[2:2] + 14 and ip[2:2] >= 36 and ip[6:2] & 0x3fff = 0 and (ip proto 50 or "
    "(udp src port 4500 and udp dst port 4500 and udp[4:2] >= 16 and udp[8:4] != 0)) and not vlan"
)
"""The BPF filter of frames that are counted for sure: IPv4 without options, in one piece and nothing behind it, of ESP
(RFC 4303) or ESP in UDP (RFC 3948). A filter refuses frames that are too short for the octets that it looks at. Behind
`vlan` all offsets are others, so that stands last."""

SAMPLE_OF = 256
"""Of how many packets of an association :func:`sampled` takes one."""

_MARK = randbits(31) + 1
"""What came in by a port carries it, so that nobody else can keep a frame from being counted where it goes out."""

# Raw payloads, because each named field would have nft compare the protocols once more, for every packet.
_COMMON = {
    "esp": "@nh,48,32 & 0x3fff00ff 50",
    "udp": "@nh,48,32 & 0x3fff00ff 17 @th,0,32 0x11941194 @th,64,32 != 0 @th,32,16 >= 16",
    "mark": _MARK,
}
_PORT = """
  set spis{n} {{ typeof ip saddr . ip daddr . esp spi; size {room}; flags dynamic; counter; }}
  counter uncounted{n} {{ }}
  chain count{n} {{
    {udp} update @spis{n} {{ ip saddr . ip daddr . @th,64,32 }} return
    {esp} update @spis{n} {{ ip saddr . ip daddr . @th,0,32 }} return
    {udp} counter name uncounted{n}
    {esp} counter name uncounted{n}
  }}
  chain in{n} {{
    type filter hook ingress device "{port}" priority -500
    meta protocol ip jump count{n}
    meta mark set {mark}
  }}
  chain out{n} {{
    type filter hook egress device "{port}" priority -500
    meta mark != {mark} meta protocol ip jump count{n}
  }}
"""


def sampled(residue: int) -> str:
    """Return a BPF filter of some of what :data:`WHOLE_ESP` matches, to be joined with it.

    By their sequence numbers (RFC 4303, 2.2) it takes the first 64 packets of an association, and of all others one of
    256, those with *residue*.
    """
    native, in_udp = (
        f"({number} <= 64 or {number} & {SAMPLE_OF - 1} = {residue})" for number in ("ip[24:4]", "udp[12:4]")
    )
    return f"((ip proto 50 and {native}) or (udp and {in_udp}))"


@dataclass(frozen=True)
class EspCount:
    """How many ESP *packets* went from *source* to *destination* with *spi*, eight hexadecimal digits."""

    source: str
    destination: str
    spi: str
    packets: int


@dataclass(frozen=True)
class PortCensus:
    """The ESP packets that came in by a port or were made for it; *uncounted* ones had no whole SPI, or no room."""

    counts: tuple[EspCount, ...]
    uncounted: int


class EspCensus:
    """Counts on *ports* of *namespace* from :meth:`start` to :meth:`stop`."""

    def __init__(self, namespace: Namespace, ports: Sequence[str], room: int = ROOM) -> None:
        self.namespace = namespace
        self.ports = tuple(ports)
        self.room = room
        self._table = f"census-{token_hex(4)}"  # several may count in one namespace

    def start(self) -> None:
        """Begin to count; raises :class:`CaptureError` where the kernel cannot."""
        ports = (_PORT.format(n=number, port=port, room=self.room, **_COMMON) for number, port in enumerate(self.ports))
        self._nft(["-f", "-"], f"table netdev {self._table} {{ {''.join(ports)} }}\n")

    def read(self) -> dict[str, PortCensus]:
        """Return by port what was counted so far; raises :class:`CaptureError` when counting has ended."""
        listed = json.loads(self._nft(["-j", "list", "table", "netdev", self._table]))["nftables"]
        sets = {entry["set"]["name"]: entry["set"] for entry in listed if "set" in entry}
        counters = {entry["counter"]["name"]: entry["counter"] for entry in listed if "counter" in entry}
        try:
            return {
                port: PortCensus(tuple(_counts(sets[f"spis{number}"])), counters[f"uncounted{number}"]["packets"])
                for number, port in enumerate(self.ports)
            }
        except KeyError as missing:
            raise CaptureError(f"the census of ESP has lost its {missing}") from missing

    def stop(self) -> None:
        """End counting. Safe to repeat, also when the namespace is gone."""
        with suppress(ProbeError):
            self._nft(["delete", "table", "netdev", self._table])

    def _nft(self, arguments: Sequence[str], text: str | None = None) -> str:
        done = self.namespace.run(["nft", *arguments], check=False, input=text)
        if done.returncode:
            raise CaptureError(f"the census of ESP on {', '.join(self.ports)}: nft: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def counting(wanted: Sequence[EspCensus]) -> Iterator[None]:
    """Count around the block."""
    try:
        for census in wanted:
            census.start()
        yield
    finally:
        for census in wanted:
            census.stop()


def _counts(listed: Mapping[str, Any]) -> Iterator[EspCount]:
    for entry in listed.get("elem", []):
        source, destination, spi = entry["elem"]["val"]["concat"]
        yield EspCount(source, destination, f"{spi:08x}", entry["elem"]["counter"]["packets"])
