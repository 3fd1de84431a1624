"""Crafted packets on a real segment: ARP, probes with real listeners, streams that arrive exactly."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.capture import Capture, captures, read_frames
from testbed.packets import (
    Count,
    CountedStream,
    Dialogue,
    End,
    Flow,
    PacketError,
    Receiver,
    Reply,
    canary,
    interface_mac,
    listening,
    probe,
    receive,
    resolve,
    send,
    silent,
    tcp_reply,
)


def _ends(segment: Any) -> dict[str, str]:
    return {
        "source_mac": interface_mac(segment.a.namespace, "eth0"),
        "destination_mac": interface_mac(segment.b.namespace, "eth0"),
        "source": segment.a.address,
        "destination": segment.b.address,
    }


def test_arp_finds_the_neighbour_and_nobody_else(segment: Any) -> None:
    here = (segment.a.namespace, "eth0", segment.a.address)
    assert resolve(*here, segment.b.address) == interface_mac(segment.b.namespace, "eth0")
    with pytest.raises(PacketError, match=r"nobody answers ARP for 192\.0\.2\.9"):
        resolve(*here, "192.0.2.9", deadline=0.3)


def test_a_token_is_received_where_it_was_sent_to(segment: Any) -> None:
    token = canary()
    frame = probe("udp", **_ends(segment), payload=token)
    with (
        listening(segment.b.namespace, segment.b.address, [("udp", 9)]),
        Receiver(segment.b.namespace, "eth0") as there,
        Receiver(segment.a.namespace, "eth0") as here,
    ):
        send(segment.a.namespace, "eth0", [frame])
        assert there.wait(lambda seen: token in seen, 1) == frame
        assert here.wait(lambda seen: token in seen, 0.1) is None, "what a host sends itself does not count"
    assert receive(segment.b.namespace, "eth0", lambda seen: token in seen, 0.05) is None


@pytest.mark.parametrize(("port", "reply"), [(7000, Reply.ACCEPTED), (7001, Reply.REFUSED)])
def test_a_syn_is_answered_by_a_listener_or_refused_by_the_host(segment: Any, port: int, reply: Reply) -> None:
    syn = probe("tcp", **_ends(segment), destination_port=port, payload=canary())
    there = (segment.b.namespace, segment.b.address)
    with listening(*there, [("tcp", 7000)]), Receiver(segment.a.namespace, "eth0") as receiver:
        send(segment.a.namespace, "eth0", [syn])
        answer = receiver.wait(lambda frame: tcp_reply(syn, frame) is not None, 1)
    assert answer and tcp_reply(syn, answer) is reply


def _stream(segment: Any) -> CountedStream:
    macs = {host: interface_mac(host.namespace, "eth0") for host in (segment.a, segment.b)}
    ends = {
        name: End(near.namespace, "eth0", near.address, macs[near], macs[far])
        for name, near, far in (("there", segment.a, segment.b), ("back", segment.b, segment.a))
    }
    flows = (
        Flow("there", "udp", 500, 100, 5000, 6000),
        Flow("back", "udp", 300, 1000, 5001, 6001),
        Flow("there", "icmp", 50, 56, 77),
    )
    dialogues = tuple(Dialogue(name, (1000, 0, 10) * 20, 5100, 6999) for name in ends)
    return CountedStream(ends, flows, dialogues)


def test_what_is_silent_takes_a_segment_without_a_word(segment: Any) -> None:
    syn = probe("tcp", **_ends(segment), destination_port=7000, payload=canary())
    with (
        silent(segment.b.namespace, segment.b.address, [("tcp", 7000)]),
        Receiver(segment.a.namespace, "eth0") as receiver,
    ):
        send(segment.a.namespace, "eth0", [syn])
        assert receiver.wait(lambda frame: tcp_reply(syn, frame) is not None, 0.3) is None


def test_two_that_are_silent_may_hold_one_port(segment: Any) -> None:
    """Steps of a run beside each other draw their ports, and may draw the same."""
    syn = probe("tcp", **_ends(segment), destination_port=7000, payload=canary())
    place = segment.b.namespace, segment.b.address, [("tcp", 7000)]
    with silent(*place), silent(*place), Receiver(segment.a.namespace, "eth0") as receiver:
        send(segment.a.namespace, "eth0", [syn])
        assert receiver.wait(lambda frame: tcp_reply(syn, frame) is not None, 0.3) is None
    with silent(*place), pytest.raises(PacketError, match="cannot listen"), listening(*place):
        pass


def test_a_counted_stream_arrives_exactly_and_provokes_nothing_else(segment: Any) -> None:
    wanted = [
        Capture(segment.middle, "to-b", segment.folder / f"{direction}.pcap", filter="ip", direction=direction)
        for direction in ("out", "in")
    ]
    with captures(wanted) as seen:
        result = _stream(segment).run()
    assert result.complete
    assert result.arrived == {name: result.expected.direction(name) for name in ("there", "back")}
    there, back = (
        Count(one.packets, sum(int.from_bytes(frame.data[16:18], "big") for frame in read_frames(one.path)))
        for one in seen
    )
    assert {"there": there, "back": back} == result.arrived


def test_a_stream_through_a_cut_wire_is_incomplete(segment: Any) -> None:
    segment.middle.run(["ip", "link", "set", "dev", "to-b", "nomaster"])
    result = _stream(segment).run(deadline=0.3)
    assert not result.complete
    assert result.arrived["there"].packets == 0


def test_what_cannot_be_sent_is_said(segment: Any) -> None:
    with pytest.raises(PacketError, match="No such device"):
        send(segment.a.namespace, "eth7", [b"x" * 60])
    with pytest.raises(PacketError, match="refused a frame of 3000 bytes"):
        send(segment.a.namespace, "eth0", [b"x" * 3000])
    with (
        pytest.raises(PacketError, match=r"cannot listen on udp 192\.0\.2\.9:7"),
        listening(segment.b.namespace, "192.0.2.9", [("udp", 7)]),
    ):
        pass
