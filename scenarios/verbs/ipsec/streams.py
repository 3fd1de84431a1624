"""Packets both ways for as long as something takes, and what links show of keys meanwhile: what verbs here share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from reports.model import Check
from scenarios.network import wire
from scenarios.network.associations import IkeSpis
from scenarios.steps.checks import equal
from scenarios.steps.context import Context
from testbed import esp
from testbed.capture import Frame
from testbed.packets import send

ROUND_SECONDS = 0.5
AFTER_ROUNDS = 3
"""How many more rounds of packets cross once what was waited for has come: what that takes along is lost by then."""

Times = tuple[float, float]
"""When something was seen first and last."""


class Streams:
    """UDP packets from each of two hosts to the other, sent in rounds of half a second, for at most *seconds*."""

    def __init__(self, context: Context, hosts: tuple[str, str], port: int, per_second: int, seconds: float) -> None:
        self.pairs = hosts, hosts[::-1]
        self.size = int(ROUND_SECONDS * per_second)
        self._context, self._spacing = context, 1 / per_second
        most = int((seconds + (AFTER_ROUNDS + 1) * ROUND_SECONDS) * per_second)
        self.probes = [
            wire.make(context, *pair, protocol="udp", destination_port=port, count=most) for pair in self.pairs
        ]
        self._at = 0

    @property
    def at(self) -> int:
        """Return how many packets were sent each way."""
        return min(self._at, len(self.probes[0].frames))

    @property
    def sent(self) -> tuple[wire.Probes, wire.Probes]:
        """Return what was sent, each way."""
        there, back = (one.model_copy(update={"frames": one.frames[: self.at]}) for one in self.probes)
        return there, back

    @property
    def last(self) -> list[bytes]:
        """Return the token of the last packet each way."""
        return [one.frames[self.at - 1].token for one in self.probes]

    def round(self) -> None:
        """Send for half a second both ways."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._send, self.probes))
        self._at += self.size

    def _send(self, one: wire.Probes) -> None:
        host = self._context.host(one.source)
        frames = [entry.frame for entry in one.frames[self._at : self._at + self.size]]
        send(host.namespace, host.interface, frames, self._spacing)


class Seen:
    """What a link has shown of keys: *esp* by source and SPI with the first and the last time, the *ike* SPIs."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self.esp: dict[tuple[str, str], Times] = {}
        self.ike: dict[IkeSpis, None] = {}
        for frame in frames:
            packet = esp.ipv4_of(frame.data)
            if packet is None:
                continue
            if found := esp.esp_of(packet):
                key = found.source, f"{found.spi:08x}"
                self.esp[key] = self.esp.get(key, (frame.timestamp,))[0], frame.timestamp
            elif esp.classify_ipv4(packet) is esp.Kind.IKE:
                message = esp.ike_in(packet)
                if message and message.exchange not in (esp.IKE_SA_INIT, esp.IKE_AUTH):
                    self.ike[message.initiator_spi, message.responder_spi] = None

    def spis(self, sources: Sequence[str]) -> dict[str, Times]:
        """Return the SPIs of ESP from *sources* with when they were seen first and last."""
        return {spi: times for (source, spi), times in self.esp.items() if source in sources}


def hidden(link: wire.CaptureFile, probes: Sequence[wire.Probes]) -> Iterator[Check]:
    """Yield the checks that *link* showed no packet's content, and nothing but ESP and IKE."""
    underlay = f"underlay:{link.underlay}"
    readable = sum(map(bool, link.sightings([frame for one in probes for frame in one.frames])))
    yield equal(f"packets readable on {link.name}", readable, 0, element=underlay)
    other = esp.count_capture(link.file).other
    yield equal(f"other IP packets on {link.name}", other, 0, element=underlay)
