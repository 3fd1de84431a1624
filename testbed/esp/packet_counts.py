"""Count the packets of a capture by kind: ESP, IKE, ARP, others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.capture import read_frames
from testbed.esp.fragments import reassemble
from testbed.esp.wire import Kind, classify, classify_ipv4, ipv4_of, spi_of


@dataclass(frozen=True)
class PacketCounts:
    """How many packets of each kind were on the wire (fragments counted as the packet that they make up).

    *spis* are the SPIs of all ESP packets, *samples* a few whole packets of ``OTHER_IP``, as evidence.
    """

    counts: Mapping[Kind, int]
    spis: frozenset[int]
    samples: tuple[bytes, ...]

    @property
    def esp(self) -> int:
        """Return the number of ESP packets, plain and in UDP."""
        return self.counts.get(Kind.ESP, 0) + self.counts.get(Kind.ESP_IN_UDP, 0)

    @property
    def ike(self) -> int:
        """Return the number of IKE messages."""
        return self.counts.get(Kind.IKE, 0)

    @property
    def arp(self) -> int:
        """Return the number of ARP messages."""
        return self.counts.get(Kind.ARP, 0)

    @property
    def other(self) -> int:
        """Return the number of IP packets that are neither ESP nor IKE nor a NAT keepalive."""
        return self.counts.get(Kind.OTHER_IP, 0)


def count_capture(path: Path | str) -> PacketCounts:
    """Count the packets in the capture file *path*."""
    return count_packets(frame.data for frame in read_frames(path))


def count_packets(frames: Iterable[bytes]) -> PacketCounts:
    """Count the packets in *frames*."""
    counts: Counter[Kind] = Counter()

    def packets() -> Iterator[bytes]:
        for frame in frames:
            packet = ipv4_of(frame)
            if packet is None:
                counts[classify(frame)] += 1
            else:
                yield packet

    spis: set[int] = set()
    samples: list[bytes] = []
    for packet in reassemble(packets()):
        kind = classify_ipv4(packet)
        counts[kind] += 1
        if kind is Kind.ESP or kind is Kind.ESP_IN_UDP:
            spis.add(spi_of(packet, kind))
        elif kind is Kind.OTHER_IP and len(samples) < 5:
            samples.append(packet)
    return PacketCounts(dict(counts), frozenset(spis), tuple(samples))
