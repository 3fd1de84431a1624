"""What of a packet may differ from one place of its way to another: the rule by which packets are found again.

Transparent VNFs change nothing. A router lowers the time to live by one and computes the header's checksum anew
(RFC 1812, 5.3.1); the gateways at both ends of a tunnel are the two routers between LAN hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from testbed.capture import Frame
from testbed.esp import ipv4_of, payload_of

ROUTERS = 2
TTL, CHECKSUM = 8, slice(10, 12)  # offsets in the IPv4 header (RFC 791, 3.1)
ICMP = 1
ECHO_REPLY, ECHO_REQUEST = 0, 8


def before(packet: bytes, routers: int = 0) -> bytes:
    """Return the IPv4 *packet* as it was *routers* routers ago, header checksum and padding left out."""
    raw = bytearray(packet[: int.from_bytes(packet[2:4], "big")])
    raw[TTL] = (raw[TTL] + routers) % 256
    raw[CHECKSUM] = b"\0\0"
    return bytes(raw)


def flow_of(packet: bytes) -> bytes:
    """Return what tells the flow of an IPv4 *packet* from others: protocol, addresses, and its ports or echo's numbers.

    A message of ICMP is a flow of its own by type, code and the four octets behind its checksum (RFC 792).
    """
    body = payload_of(packet)
    numbers = body[:2] + body[4:8] if packet[9] == ICMP else body[:4]
    return packet[9:10] + packet[12:20] + numbers


def sightings(frames: Iterable[Frame], flows: Iterable[bytes]) -> dict[bytes, list[Frame]]:
    """Return the *frames* of each of *flows* that has any, flows and frames in the order in which they were seen."""
    wanted, found = set(flows), dict[bytes, list[Frame]]()
    for frame in frames:
        if (packet := ipv4_of(frame.data)) and (flow := flow_of(packet)) in wanted:
            found.setdefault(flow, []).append(frame)
    return found


def ipv4(frames: Iterable[Frame]) -> Iterator[bytes]:
    """Yield the IPv4 packets among *frames*."""
    return (packet for frame in frames if (packet := ipv4_of(frame.data)))


def echoes(packets: Iterable[bytes], addresses: bytes, kind: int) -> list[bytes]:
    """Return the ICMP messages of *kind* among *packets* whose source and destination are *addresses*, packed."""
    return [
        packet
        for packet in packets
        if packet[9] == ICMP and packet[12:20] == addresses and payload_of(packet)[:1] == bytes([kind])
    ]
