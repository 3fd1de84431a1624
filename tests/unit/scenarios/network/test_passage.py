"""Packets past the ports of a chain: each once, whole, in order; routers may change what they have to alone."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from reports.model import Verdict
from scenarios.network.conserved import before, flow_of, sightings
from scenarios.network.passage import Stop, overtaken, passed
from scenarios.network.wire import Probe
from testbed.capture import Frame
from testbed.packets import Kind, probe

ENDS: dict[str, Any] = {"source": "10.1.0.10", "destination": "10.2.0.10"}
KINDS: tuple[Kind, ...] = ("udp", "tcp", "icmp")


def _probe(number: int, kind: Kind) -> Probe:
    token = bytes([number]) * number
    macs: dict[str, Any] = {"source_mac": "06:00:00:00:00:01", "destination_mac": "06:00:00:00:00:02"}
    frame = probe(kind, **ENDS, **macs, source_port=4000 + number, icmp_id=4000 + number, payload=token)
    return Probe(token=token, frame=frame)


SENT = [_probe(number, KINDS[number % 3]) for number in range(6)]


def _routed(frame: bytes, routers: int) -> bytes:
    """The frame as *routers* routers pass it on: other MACs, time to live, checksum."""
    raw = bytearray(frame)
    raw[:12] = bytes(range(12))
    raw[22] -= routers
    raw[24:26] = b"xx"
    return bytes(raw)


def _stop(label: str, frames: Sequence[bytes], at: float) -> Stop:
    captured = [Frame(at + number / 1000, frame) for number, frame in enumerate(frames)]
    return Stop(label, "", sightings(captured, [flow_of(item.packet) for item in SENT]))


def _failed(*ports: Sequence[bytes], routers: int = 0) -> list[str]:
    stops = [_stop(f"port {number}", frames, number) for number, frames in enumerate(ports)]
    checks = list(passed("way", stops, SENT, routers))
    return [check.message for check in checks if check.verdict is Verdict.FAILED]


FRAMES = [item.frame for item in SENT]
ROUTED = [_routed(frame, 2) for frame in FRAMES]


def test_what_passes_as_it_was_sent_is_right() -> None:
    assert _failed(FRAMES, FRAMES) == []
    padded = [frame + bytes(max(0, 60 - len(frame))) for frame in FRAMES]
    assert _failed(FRAMES, padded) == []
    assert _failed(ROUTED, ROUTED, routers=2) == []


def test_echoes_that_come_back_are_other_packets() -> None:
    request = bytearray(SENT[2].frame)
    request[26:30], request[30:34] = request[30:34], request[26:30]
    request[34] = 0
    back = bytes(request)
    assert _failed(FRAMES, [*FRAMES, back]) == []


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (FRAMES[1:], "saw 5 of 6 packets: the chain is bypassed or cut there"),
        ([*FRAMES, FRAMES[0]], "saw 6 of 6 packets: some of them several times"),
        ([FRAMES[0][:15] + b"\4" + FRAMES[0][16:], *FRAMES[1:]], "saw 6 of 6 packets: 1 of them not as they were sent"),
        ([FRAMES[0][:5] + b"\7" + FRAMES[0][6:], *FRAMES[1:]], "saw 6 of 6 packets: 1 of them not as they were sent"),
        ([*FRAMES[:5], FRAMES[5][:-1] + b"?"], "saw 6 of 6 packets: 1 of them not as they were sent"),
        (ROUTED, "saw 6 of 6 packets: 6 of them not as they were sent"),
    ],
)
def test_what_is_missing_repeated_or_changed_is_told(frames: list[bytes], told: str) -> None:
    assert _failed(FRAMES, frames)[0] == f"way: port 1 {told}"


def test_behind_routers_a_vnf_may_change_no_more_than_before() -> None:
    once_more = [_routed(ROUTED[0], 1), *ROUTED[1:]]
    assert "1 of them not as they were sent" in _failed(ROUTED, once_more, routers=2)[0]
    other_macs = [bytes(12) + ROUTED[0][12:], *ROUTED[1:]]
    assert "1 of them not as they were sent" in _failed(ROUTED, other_macs, routers=2)[0]


def test_pairs_that_are_swapped_are_told() -> None:
    swapped = [FRAMES[number ^ 1] for number in range(6)]
    assert _failed(FRAMES, swapped, FRAMES) == []
    stops = [_stop(f"port {number}", frames, number) for number, frames in enumerate([FRAMES, swapped, FRAMES[1:]])]
    assert overtaken(stops, SENT) == ["port 1"]


def test_stops_in_another_order() -> None:
    stops = [_stop("second", FRAMES, 2), _stop("first", FRAMES, 1)]
    failed = [check for check in passed("way", stops, SENT, 0) if check.verdict is Verdict.FAILED]
    assert [(check.name, check.measured) for check in failed] == [("way: order", "0 of 6 packets so")]


def test_a_packet_is_itself_before_any_number_of_routers() -> None:
    packet = bytearray(FRAMES[0][14:])
    packet[8] = Random(1).randrange(2, 64)  # noqa: S311
    assert before(bytes(packet), 200)[8] == (packet[8] + 200) % 256
    assert before(bytes(packet))[:8] == bytes(packet[:8])
