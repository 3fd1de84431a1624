"""iperf3 and ping between two real hosts, over a wire that works, loses, or is cut."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from testbed.impairment import Impairer
from testbed.labels import LAB_VARIABLE
from testbed.spec.model import Impairment
from testbed.traffic import NoTraffic, TrafficError, exchange, iperf3, ping
from testbed.traffic.iperf import streams, udp_sent

MARK = "test-traffic"


def _ends(segment: Any) -> tuple[Any, Any, str]:
    return segment.a.namespace, segment.b.namespace, segment.b.address


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Any:
    """Every run ends its server and its client, also when it fails."""
    yield
    left = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and f"{LAB_VARIABLE}={MARK}".encode() in (entry / "environ").read_bytes():
                left.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    assert left == []


def test_tcp_both_ways_with_a_series_and_parallel_streams(segment: Any) -> None:
    for reverse in (False, True):
        result = iperf3(*_ends(segment), seconds=1, parallel=2, reverse=reverse, lab=MARK)
        assert result.bits_per_second > 50e6
        assert result.retransmits is not None and result.lost_percent is None
        assert len(result.intervals) == 2


def test_a_temporary_folder_without_room_is_in_nobodys_way(segment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/proc/self")
    assert iperf3(*_ends(segment), seconds=1, lab=MARK).bits_per_second > 0


@pytest.mark.parametrize("reverse", [False, True])
def test_udp_at_a_rate_says_what_the_receiver_got(segment: Any, reverse: bool) -> None:
    result = iperf3(
        *_ends(segment), protocol="udp", seconds=1, bitrate=5e6, length=1000, reverse=reverse, interval=0.25, lab=MARK
    )
    assert result.bits_per_second == pytest.approx(5e6, rel=0.1)
    assert result.packets == pytest.approx(625, rel=0.1)
    assert result.lost_percent is not None and result.lost_percent < 5
    assert len(result.intervals) == 4


def test_a_receiver_of_datagrams_has_all_the_room_that_there_is(segment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a receiver that waits for the processor loses would pass for the network's loss."""
    sockets = []

    def came_up(*arguments: Any) -> bool:
        there = streams(*arguments)
        sockets.append(segment.b.namespace.run(["ss", "--udp", "--all", "--numeric", "--memory"]).stdout)
        return there

    monkeypatch.setattr("testbed.traffic.iperf.streams", came_up)
    iperf3(*_ends(segment), protocol="udp", seconds=1, bitrate=1e6, lab=MARK)
    allowed = [int(Path(f"/proc/sys/net/core/{name}_max").read_text()) for name in ("rmem", "wmem")]
    assert f",rb{2 * min(4 << 20, *allowed)}," in sockets[0]


def test_datagrams_are_counted_where_they_are_sent(segment: Any) -> None:
    near, far = segment.a.namespace, segment.b.namespace
    before = udp_sent(near), udp_sent(far)
    with near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(7):
            sender.sendto(b"x", (segment.b.address, 9))
    assert (udp_sent(near) - before[0], udp_sent(far) - before[1]) == (7, 0)


def test_loss_on_the_wire_shows_in_the_result_and_never_stops_a_test(segment: Any) -> None:
    impairer = Impairer(segment.middle, segment.folder / "impair", lab=MARK)
    impairer.apply("to-b", Impairment(loss_percent=5))
    try:
        results = [iperf3(*_ends(segment), protocol="udp", seconds=1, bitrate=8e6, length=500, lab=MARK) for _ in "123"]
    finally:
        impairer.remove("to-b")
    lost, packets = (sum(getattr(result, name) for result in results) for name in ("lost_packets", "packets"))
    assert 100 * lost / packets == pytest.approx(5, abs=1.7)  # 6,000 datagrams: six standard deviations


def test_a_cut_wire_is_a_finding_and_a_wrong_call_an_error(segment: Any) -> None:
    client, server, address = _ends(segment)
    with pytest.raises(TrafficError, match="no address"):
        iperf3(client, server, "192.0.2.9", lab=MARK)
    with pytest.raises(TrafficError, match="block size too large"):
        iperf3(client, server, address, length=99_999_999, lab=MARK)
    segment.middle.run(["ip", "link", "set", "dev", "to-b", "nomaster"])
    with pytest.raises(NoTraffic, match="did not carry the test"):
        iperf3(client, server, address, seconds=1, lab=MARK)
    silent = ping(client, address, count=2, interval=0.1, wait=0.2)
    assert (silent.sent, silent.received, silent.rtt_avg_ms) == (2, 0, None)


def test_ping_measures_and_respects_the_path_mtu(segment: Any) -> None:
    fine = ping(segment.a.namespace, segment.b.address, count=5, interval=0.02, size=1472, dont_fragment=True)
    assert (fine.received, fine.duplicates, fine.errors, fine.lost_percent) == (5, 0, 0, 0.0)
    assert fine.rtt_min_ms and fine.rtt_min_ms < 20
    large = ping(segment.a.namespace, segment.b.address, count=2, interval=0.02, size=1473, dont_fragment=True)
    assert (large.received, large.errors) == (0, 2)
    assert ping(segment.a.namespace, "203.0.113.1", count=1).sent == 0
    with pytest.raises(TrafficError, match="ping failed"):
        ping(segment.a.namespace, "no address at all", count=1)


def test_datagrams_there_and_back_are_those_of_the_exchange_alone(segment: Any) -> None:
    client, server, address = _ends(segment)
    there, back = ([name + bytes([number]) * 1000 for number in range(32)] for name in (b"there", b"back"))
    with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect((address, 5300))
        stranger.send(b"of something else")
        done = exchange(client, server, (address, 5300), there=there, back=back, deadline=10)
    assert (list(done.there), list(done.back), done.trouble) == (there, back, "")


def test_an_exchange_on_a_path_that_is_cut_ends_in_time(segment: Any) -> None:
    segment.b.namespace.run(["ip", "link", "set", segment.b.interface, "down"])
    try:
        done = exchange(*_ends(segment)[:2], (segment.b.address, 5301), there=[b"a"], back=[b"b"], deadline=0.5)
    finally:
        segment.b.namespace.run(["ip", "link", "set", segment.b.interface, "up"])
    assert (done.there, done.back) == ((), ())


def test_an_exchange_needs_a_port_of_its_own(segment: Any) -> None:
    client, server, address = _ends(segment)
    with server.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 5302))
        with pytest.raises(TrafficError, match=f"cannot listen on {address}:5302"):
            exchange(client, server, (address, 5302), there=[b"a"], back=[], deadline=1)
