"""Real connections between two hosts, and the services that answer."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import pytest

from testbed.packets import PacketError, answer, answering, connect, listening
from testbed.packets.connection import COMPLETED, REFUSED, TIMED_OUT
from testbed.traffic import TrafficError, Transfer, transfer

PORT = 7000
BLACK_HOLE = "192.0.2.9"


def _connect(segment: Any, port: int = PORT, address: str = "", seconds: float = 2.0, **more: Any) -> Any:
    target = (address or segment.b.address, port)
    return connect(segment.a.namespace, (segment.a.address, 0), target, b"some data" * 400, seconds, **more)


def test_a_connection_carries_data_both_ways(segment: Any) -> None:
    called = []
    with answering(segment.b.namespace, segment.b.address, [("tcp", PORT)]):
        for _ in range(3):
            done = _connect(segment, meanwhile=lambda: called.append(True))
            assert (done.ended, done.established, done.received) == (COMPLETED, True, answer(b"some data" * 400))
    assert len(called) == 3


def test_much_data_comes_back_in_time_or_not_at_all(segment: Any) -> None:
    data = bytes(range(256)) * 600
    ends = (segment.a.address, 0), (segment.b.address, PORT)
    with answering(segment.b.namespace, segment.b.address, [("tcp", PORT)]):
        done = connect(segment.a.namespace, *ends, data, 2, total_seconds=20)
        assert (done.ended, done.received == answer(data)) == (COMPLETED, True)
        late = connect(segment.a.namespace, *ends, data, 2, total_seconds=0)
        assert (late.ended, late.established) == (TIMED_OUT, True)
        assert 0 < len(late.received) < len(data)


def test_what_else_becomes_of_a_connection(segment: Any) -> None:
    with listening(segment.b.namespace, segment.b.address, [("tcp", PORT)]):
        assert _connect(segment, PORT + 1).ended == REFUSED
        silent = _connect(segment, seconds=0.2)
        assert (silent.ended, silent.established) == (TIMED_OUT, True)
        lost = _connect(segment, address=BLACK_HOLE, seconds=0.2)
        assert (lost.ended, lost.established) == (TIMED_OUT, False)


def test_a_source_that_is_not_the_hosts_is_trouble(segment: Any) -> None:
    with pytest.raises(PacketError, match="cannot connect from"):
        connect(segment.a.namespace, (BLACK_HOLE, 0), (segment.b.address, PORT), b"", 0.2)


def test_datagrams_come_back(segment: Any) -> None:
    with (
        answering(segment.b.namespace, segment.b.address, [("udp", PORT), ("udp", PORT + 1)]),
        closing(segment.a.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client,
    ):
        client.settimeout(2)
        for port in (PORT, PORT + 1):
            for size in (0, 20, 1400, 3000):
                client.sendto(b"x" * size, (segment.b.address, port))
                assert client.recvfrom(65535) == (answer(b"x" * size), (segment.b.address, port))


def _transfer(segment: Any, address: str = "", seconds: float = 5.0) -> Transfer:
    end, ways = (address or segment.b.address, PORT), {"there": b"forth" * 50_000, "back": b"back" * 50_000}
    return transfer(segment.a.namespace, segment.b.namespace, end, **ways, deadline=seconds)


def test_a_transfer_tells_what_came_at_both_ends(segment: Any) -> None:
    for _ in range(2):  # the port is free again at once
        assert _transfer(segment) == Transfer(b"forth" * 50_000, b"back" * 50_000)


def test_a_transfer_that_is_cut_short(segment: Any) -> None:
    rules = "table ip cut { chain in { type filter hook input priority 0; tcp dport 7000 @th,1024,8 0x6f %s; }; }"
    for verdict, trouble in (("drop", "timed out"), ("reject with tcp reset", "reset by peer")):
        segment.b.namespace.run(["nft", "-f", "-"], input=rules % verdict)
        try:
            done = _transfer(segment, seconds=0.5)
            assert trouble in done.trouble
            assert len(done.there) < 250_000
            assert done.back == b""
        finally:
            segment.b.namespace.run(["nft", "delete", "table", "ip", "cut"])


def test_a_transfer_to_an_address_that_is_not_the_hosts_is_trouble(segment: Any) -> None:
    with pytest.raises(TrafficError, match="cannot listen on"):
        _transfer(segment, BLACK_HOLE)
