"""Digests are equal for what offload, routers and fragmentation may do to packets, and for nothing else."""

from __future__ import annotations

import ctypes
import random
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from testbed.digests.recorder import SOURCES, source

KEY = 0x0123_4567_89AB_CDEF
WINDOW = 1 << 16
MORE = """
void forget(void) {
    memset(flows, 0, used * sizeof *flows);
    memset(places, 0, PLACES * sizeof *places);
    memset(waiting, 0, DATAGRAMS * sizeof *waiting);
    used = full = 0;
}
int is_chosen(uint32_t window) { return chosen(window); }
int all(struct flow *found) {
    uint32_t i, n = 0;
    for (i = 0; i < used; i++)
        if (flows[i].packets || flows[i].segments)
            found[n++] = flows[i];
    return n;
}
"""
"""What the tests need beside the program's own functions."""


class _Flow(ctypes.Structure):
    _fields_ = [("key", ctypes.c_uint8 * 48), *((name, ctypes.c_uint64) for name in ("packets", "segments", "octets"))]
    _fields_ += [("same", ctypes.c_uint64), ("hop", ctypes.c_uint64)]


Digest = dict[bytes, tuple[int, ...]]
"""Of each flow the packets, octets of segments, and the sum for what no router may change."""


class Digester:
    """The C functions; each digest begins anew."""

    def __init__(self, library: Path) -> None:
        self._c = ctypes.CDLL(str(library))
        assert self._c.begin(ctypes.c_uint64(KEY)) == 0
        self._room = (_Flow * 4096)()

    def flows(self, frames: Iterable[bytes], *, tag: int = 0, unfinished: bool = False) -> list[_Flow]:
        """Return the flows of *frames*, all at one port."""
        self._c.forget()
        for frame in frames:
            octets = ctypes.create_string_buffer(frame, len(frame))
            self._c.take(1, 0, tag, octets, len(frame), len(frame), int(unfinished))
        assert not ctypes.c_uint32.in_dll(self._c, "full").value
        return list(self._room[: self._c.all(self._room)])

    def not_digested(self, frames: Iterable[tuple[bytearray, int]]) -> int:
        """Return how many of *frames* found no room, each with ports of its own."""
        self._c.forget()
        for octets, number in frames:
            octets[34:38] = number.to_bytes(4, "big")
            room = (ctypes.c_uint8 * len(octets)).from_buffer(octets)
            self._c.take(1, 0, 0, room, len(octets), len(octets), 1)
        return ctypes.c_uint32.in_dll(self._c, "full").value

    def same(self, frames: Iterable[bytes], *, tag: int = 0, unfinished: bool = False) -> Digest:
        found = self.flows(frames, tag=tag, unfinished=unfinished)
        return {bytes(flow.key): (flow.packets, flow.octets, flow.same) for flow in found}

    def hop(self, frames: Iterable[bytes]) -> Digest:
        return {bytes(flow.key): (flow.packets, flow.segments, flow.hop) for flow in self.flows(frames)}

    def chosen_place(self) -> int:
        """Return where the first window begins that is looked at."""
        return next(window for window in range(1000) if self._c.is_chosen(window)) * WINDOW


@pytest.fixture(scope="module")
def digester(tmp_path_factory: pytest.TempPathFactory) -> Digester:
    folder = tmp_path_factory.mktemp("digest")
    text = source(KEY).partition("/*\n * Digests what passes each port")[0] + MORE
    (folder / "digest.c").write_text(text)
    subprocess.run(["tcc", "-Wall", "-shared", "-o", folder / "digest.so", folder / "digest.c"], check=True)
    return Digester(folder / "digest.so")


def frame(inner: Packet, *, ttl: int = 64, source_mac: str = "02:00:00:00:00:01", flags: str = "DF") -> bytes:
    ip = IP(src="10.1.0.10", dst="10.2.0.10", ttl=ttl, id=7, flags=flags)
    return bytes(Ether(src=source_mac, dst="02:00:00:00:00:02") / ip / inner)


def segments(data: bytes, cuts: Iterable[int], place: int, *, port: int = 5201, ttl: int = 64) -> list[bytes]:
    """Return *data*, which begin at *place* in the stream, as TCP segments that end at *cuts*."""
    ends = [*sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    return [
        frame(TCP(dport=port, seq=(place + start) % (1 << 32), flags="A") / data[start:end], ttl=ttl)
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def datagrams(count: int, octets: int = 40, port: int = 9000) -> list[bytes]:
    draw = random.Random(port)  # noqa: S311  (any octets will do)
    return [frame(UDP(sport=1, dport=port) / draw.randbytes(octets)) for _ in range(count)]


def changed(octets: bytes, place: int) -> bytes:
    return octets[:place] + bytes([octets[place] ^ 0x20]) + octets[place + 1 :]


DATA = st.binary(min_size=1, max_size=3000)
CUTS = st.lists(st.integers(min_value=0), max_size=6)


@settings(deadline=None)  # of a busy machine
@given(
    data=st.binary(min_size=1, max_size=3000),
    first=CUTS,
    second=CUTS,
    before=st.integers(0, 3000),
    ttl=st.integers(2, 255),
)
def test_offload_may_cut_data_anywhere(
    digester: Digester, data: bytes, first: list[int], second: list[int], before: int, ttl: int
) -> None:
    place = (digester.chosen_place() - before) % (1 << 32)
    one, other = segments(data, first, place), segments(data, second, place, ttl=ttl)
    random.Random(before).shuffle(other)  # noqa: S311  (any order will do)
    assert digester.same(one) == digester.same(other)


@settings(deadline=None)  # of a busy machine
@given(data=DATA, cuts=CUTS, at=st.integers(min_value=0), shift=st.integers(0, 60_000))
def test_no_octet_may_be_another_where_it_is_looked_at(
    digester: Digester, data: bytes, cuts: list[int], at: int, shift: int
) -> None:
    place = digester.chosen_place() + shift
    other = changed(data, at % len(data))
    assert digester.same(segments(data, cuts, place)) != digester.same(segments(other, cuts, place))


@settings(deadline=None)  # of a busy machine
@given(
    data=st.binary(
        min_size=20,
        max_size=3000,
    ),
    cuts=CUTS,
    place=st.integers(0, (1 << 32) - 1),
)
def test_no_segment_may_be_lost_for_another(digester: Digester, data: bytes, cuts: list[int], place: int) -> None:
    sent = segments(data, [10, *cuts], place)
    half = len(data) // 2
    for lost, doubled in ((0, 1), (1, 0), (-1, 0)):
        some = [one for one in sent if one is not sent[lost]] + [sent[doubled]]
        assert digester.same(some) != digester.same(sent)
    assert digester.same(segments(data[half:], [], place)) != digester.same(segments(data[half:], [], place + 1))


@settings(deadline=None)  # of a busy machine
@given(octets=st.integers(18, 1400), at=st.integers(min_value=0), order=st.randoms(use_true_random=False))
def test_packets_may_pass_in_any_order_but_not_be_others(
    digester: Digester, octets: int, at: int, order: random.Random
) -> None:
    sent = datagrams(5, octets)
    digest = digester.same(sent)
    assert digester.same(order.sample(sent, 5)) == digest
    assert digester.same([*sent[1:], sent[2]]) != digest
    assert digester.same([*sent[1:], changed(sent[0], 42 + at % octets)]) != digest


def test_parts_of_packets_may_not_be_exchanged(digester: Digester) -> None:
    one, other = datagrams(2, 64)
    assert digester.same([one[:80] + other[80:], other[:80] + one[80:]]) != digester.same([one, other])


def test_packets_of_two_flows_may_not_be_exchanged(digester: Digester) -> None:
    sent = [*datagrams(2), *datagrams(2, port=9001)]
    ports = [one[36:38] for one in sent]
    exchanged = [one[:36] + port + one[38:] for one, port in zip(sent, ports[2:] + ports[:2], strict=True)]
    one, other = digester.same(sent), digester.same(exchanged)
    assert one.keys() == other.keys()
    assert one != other


@pytest.mark.parametrize(
    ("passed", "same", "hop"),
    [
        (lambda: frame(UDP(sport=1) / b"data", ttl=63), True, False),
        (lambda: frame(UDP(sport=1) / b"data", source_mac="02:00:00:00:00:03"), True, False),
        (lambda: frame(UDP(sport=1) / b"data") + bytes(14), True, True),
        (lambda: frame(UDP(sport=1, chksum=1) / b"data"), False, True),
        (lambda: frame(UDP(sport=1, chksum=0) / b"data"), True, True),
        (lambda: frame(UDP(sport=1) / b"date"), False, True),
    ],
    ids=["TTL", "MAC address", "padding", "wrong checksum", "no checksum", "data"],
)
def test_what_routers_may_change(digester: Digester, passed: Callable[[], bytes], same: bool, hop: bool) -> None:
    sent = frame(UDP(sport=1) / b"data")
    assert (digester.same([passed()]) == digester.same([sent])) is same
    assert (digester.hop([passed()]) == digester.hop([sent])) is hop


def test_a_checksum_may_be_made_later(digester: Digester) -> None:
    for inner in (UDP(sport=1) / b"data", TCP(flags="A"), TCP(flags="S")):
        layer = inner.copy()
        layer.chksum = 0x1234
        assert digester.same([frame(layer)], unfinished=True) == digester.same([frame(inner)])
        assert digester.same([frame(layer)]) != digester.same([frame(inner)])


@pytest.mark.parametrize("inner", [UDP(sport=1) / b"data", TCP(flags="A") / b"data", TCP(flags="S"), ICMP()])
@pytest.mark.parametrize("flags", ["DF", "MF"])
def test_a_header_with_a_wrong_checksum_is_of_no_flow(digester: Digester, inner: Packet, flags: str) -> None:
    sent = frame(inner, flags=flags)
    wrong = changed(sent, 24)  # the checksum's first octet
    assert digester.hop([wrong]) != digester.hop([sent])
    for others in ([], [sent]):
        assert digester.same([*others, wrong]) != digester.same([*others, sent])


def test_gateways_may_lower_the_largest_segment(digester: Digester) -> None:
    one, other = (
        frame(TCP(flags="S", options=[("NOP", None), ("MSS", size), ("SAckOK", b"")])) for size in (1460, 1360)
    )
    assert digester.same([one]) == digester.same([other])
    assert digester.hop([one]) != digester.hop([other])


@pytest.mark.parametrize("flags", ["S", "R", "FA"])
def test_flags_count(digester: Digester, flags: str) -> None:
    for data in (b"", b"data"):
        one, other = (frame(TCP(flags=some) / Raw(data)) for some in ("A", flags))
        assert digester.same([one]) != digester.same([other])


@settings(deadline=None)  # of a busy machine
@given(octets=st.integers(30, 4000), size=st.integers(1, 100), order=st.randoms(use_true_random=False))
def test_fragments_are_the_packet_that_they_make_up(
    digester: Digester, octets: int, size: int, order: random.Random
) -> None:
    whole = frame(UDP(sport=1, dport=9000) / order.randbytes(octets), flags="")
    parts = [bytes(Ether(whole[:14]) / part) for part in fragment(IP(whole[14:]), max(size * 8, octets // 100))]
    digest, hop = digester.same([whole]), digester.hop([whole])
    order.shuffle(parts)
    assert digester.same(parts) == digest
    assert digester.hop(parts) == hop
    if len(parts) > 1:
        assert digester.same(parts[1:]) not in (digest, {})
        place = 14 + 20 + order.randrange(len(parts[0]) - 34)
        assert digester.same([changed(parts[0], place), *parts[1:]]) != digest


def test_a_vlan_tag_may_be_kept_elsewhere(digester: Digester) -> None:
    plain = Ether(frame(UDP(sport=1) / b"data"))
    tagged = bytes(Ether(src=plain.src, dst=plain.dst) / Dot1Q(vlan=7) / plain.payload)
    assert digester.same([tagged]) == digester.same([bytes(plain)], tag=0x81000007)
    assert digester.same([tagged]) != digester.same([bytes(plain)])


@pytest.mark.parametrize(
    "sent",
    [
        Ether() / ARP(pdst="10.1.0.1"),
        Ether() / IPv6(dst="fd00::1") / UDP(sport=1) / b"data",
        Ether() / IPv6(dst="fd00::1") / TCP(flags="A") / b"data",
        Ether() / IP(dst="10.2.0.10", proto=50) / b"data of ESP",
        Ether() / IP(dst="10.2.0.10") / ICMP() / b"data",
        Ether(type=0x88B5) / b"data of no protocol",
        Ether() / IP(dst="10.2.0.10", len=9000) / b"less than it says",
    ],
    ids=["ARP", "UDP over IPv6", "TCP over IPv6", "ESP", "ICMP", "EtherType", "length"],
)
def test_whatever_passes_counts(digester: Digester, sent: Packet) -> None:
    octets = bytes(sent)
    (digest,) = digester.same([octets, octets]).values()
    assert digest != next(iter(digester.same([octets]).values()))
    if not sent.haslayer(TCP):
        assert digester.same([changed(octets, len(octets) - 1)] * 2) != digester.same([octets] * 2)


def test_a_header_of_a_segment_counts_between_routers(digester: Digester) -> None:
    one, other = (frame(TCP(flags="A", seq=1, ack=ack) / b"data") for ack in (1, 2))
    assert digester.same([one]) == digester.same([other])
    assert digester.hop([one]) != digester.hop([other])


def test_more_flows_than_there_is_room_for_are_told(digester: Digester) -> None:
    octets = bytearray(frame(UDP(sport=1) / b"data"))
    assert digester.not_digested((octets, number) for number in range(1 << 18)) == 0
    assert digester.not_digested((octets, number) for number in range((1 << 18) + 3)) == 3


def test_another_key_makes_other_digests() -> None:
    assert source(1) != source(2)
    assert len(SOURCES) == 2
