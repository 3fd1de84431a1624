"""Every frame is either counted as ESP or left to a capture of all else; none is missed, however it looks."""

from __future__ import annotations

import os
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP, IPOption_RR, fragment
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw

from testbed.capture import Capture, CaptureError, captures, read_frames
from testbed.esp import WHOLE_ESP, EspCensus, EspCount, counting
from testbed.packets import send
from testbed.polling import poll

A, B, SPI = "198.51.100.1", "198.51.100.2", "c0ffee01"
BETWEEN, ESP = IP(src=A, dst=B), bytes.fromhex(SPI) + bytes(range(1, 60))
NAT_T = UDP(sport=4500, dport=4500)
COUNTED = {
    "esp": IP(src=A, dst=B, proto=50) / Raw(ESP),
    "shortest-esp": IP(src=A, dst=B, proto=50) / Raw(ESP[:16]),
    "esp-in-udp": BETWEEN / NAT_T / Raw(ESP),
    "shortest-esp-in-udp": BETWEEN / NAT_T / Raw(ESP[:8]),
    "esp-in-udp-without-checksum": BETWEEN / UDP(sport=4500, dport=4500, chksum=0) / Raw(ESP),
}
LEFT = {
    "arp": ARP(pdst=B),
    "ike": BETWEEN / NAT_T / Raw(bytes(4) + ESP),
    "keepalive": BETWEEN / NAT_T / Raw(b"\xff"),
    "padded-keepalive": BETWEEN / NAT_T / Raw(b"\xff") / Raw(bytes(40)),
    "too-short-esp": IP(src=A, dst=B, proto=50) / Raw(ESP[:7]),
    "too-short-esp-in-udp": BETWEEN / NAT_T / Raw(ESP[:7]),
    "octets-behind-esp": IP(src=A, dst=B, proto=50) / Raw(ESP) / Padding(b"text"),
    "octets-behind-esp-in-udp": BETWEEN / NAT_T / Raw(ESP) / Padding(bytes(9)),
    "options": IP(src=A, dst=B, proto=50, options=[IPOption_RR(routers=[A])]) / Raw(ESP),
    "first-fragment": fragment(BETWEEN / NAT_T / Raw(ESP * 10), 200)[0],
    "later-fragment": fragment(BETWEEN / NAT_T / Raw(ESP * 10), 200)[1],
    "other-ports": BETWEEN / UDP(sport=4500, dport=4501) / Raw(ESP),
    "tag": Dot1Q(vlan=7) / BETWEEN / NAT_T / Raw(ESP),
    "cut-behind-the-ports": bytes(Ether() / BETWEEN / NAT_T / Raw(ESP))[14:40],
    "cut-esp": bytes(Ether() / IP(src=A, dst=B, proto=50) / Raw(ESP))[14:36],
}
LEFT["padded-keepalive"][IP].len = 29
LEFT["padded-keepalive"][UDP].len = 9


def ethernet(packet: Packet | bytes) -> bytes:
    head = Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02")
    return bytes(head)[:12] + b"\x08\x00" + packet if isinstance(packet, bytes) else bytes(head / packet)


def census_of(segment: Any, **options: Any) -> EspCensus:
    return EspCensus(segment.middle, ["to-a", "to-b"], **options)


def counts(census: EspCensus, port: str = "to-a") -> dict[tuple[str, str, str], int]:
    return {(one.source, one.destination, one.spi): one.packets for one in census.read()[port].counts}


@pytest.mark.parametrize("name", [*COUNTED, *LEFT])
def test_a_frame_is_counted_or_captured(segment: Any, name: str) -> None:
    frame = ethernet({**COUNTED, **LEFT}[name])
    capture = Capture(segment.middle, "to-a", segment.folder / "rest.pcap", f"not ({WHOLE_ESP})")
    census = census_of(segment)
    with counting([census]), captures([capture]):
        send(segment.a.namespace, "eth0", [frame], 0)
        seen = poll(lambda: counts(census, "to-a") or frame in [one.data for one in read_frames(capture.path)], 5)
        assert seen
        counted, uncounted = counts(census, "to-a"), census.read()["to-a"].uncounted
    captured = [one.data for one in read_frames(capture.path)].count(frame)
    assert captured == (name in LEFT)
    if name in COUNTED:
        assert (counted, uncounted) == ({(A, B, SPI): 1}, 0)


def test_each_packet_is_counted_once_where_it_comes_in_or_is_made(segment: Any) -> None:
    census = census_of(segment)
    frames = [ethernet(BETWEEN / NAT_T / Raw(number.to_bytes(4, "big") + os.urandom(40))) for number in (1, 2, 2, 2)]
    with counting([census]):
        send(segment.a.namespace, "eth0", frames * 500, 0)
        send(segment.b.namespace, "eth0", [ethernet(IP(src=B, dst=A, proto=50) / Raw(ESP))] * 7, 0)
        send(segment.middle, "net", [ethernet(BETWEEN / NAT_T / Raw(ESP))] * 3, 0)
        send(segment.middle, "to-b", [ethernet(BETWEEN / NAT_T / Raw(ESP))] * 2, 0)
        wanted = {
            "to-a": {(A, B, "00000001"): 500, (A, B, "00000002"): 1500, (A, B, SPI): 3},
            "to-b": {(B, A, SPI): 7, (A, B, SPI): 3 + 2},
        }
        for port in census.ports:
            assert poll(lambda port=port: counts(census, port) == wanted[port], 5), counts(census, port)


def test_more_spis_than_there_is_room_for_are_told(segment: Any) -> None:
    census = census_of(segment, room=8)
    with counting([census]):
        frames = [ethernet(BETWEEN / NAT_T / Raw(number.to_bytes(4, "big") + ESP)) for number in range(1, 21)]
        send(segment.a.namespace, "eth0", frames, 0)
        assert poll(lambda: sum(counts(census).values()) + census.read()["to-a"].uncounted == 20, 5)
        assert len(counts(census)) == 8
        assert census.read()["to-a"].uncounted == 12


def test_two_count_side_by_side_and_one_that_has_ended_proves_nothing(segment: Any) -> None:
    outer, inner = census_of(segment), census_of(segment)
    with counting([outer]):
        with counting([inner]):
            send(segment.a.namespace, "eth0", [ethernet(COUNTED["esp"])], 0)
            assert poll(lambda: counts(inner), 5)
        with pytest.raises(CaptureError, match="census of ESP on to-a, to-b"):
            inner.read()
        assert outer.read()["to-a"].counts == (EspCount(A, B, SPI, 1),)
