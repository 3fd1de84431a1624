"""iperf3's and ping's own words, as results or as exceptions that tell network and tool apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from testbed.traffic import NoTraffic, PingResult, TrafficError, parse_iperf3, parse_ping
from testbed.traffic.result import Protocol, fault, parse_json

RECORDED = Path(__file__).parent / "recorded"

RUNS: dict[str, tuple[Protocol, dict[str, Any]]] = {
    "tcp": (
        "tcp",
        {"bytes": 174456832, "retransmits": 1, "lost_percent": None, "jitter_ms": None, "packets": None, "steps": 2},
    ),
    "tcp-parallel-omit": ("tcp", {"bytes": 177619856, "retransmits": 442, "steps": 2}),
    "udp": ("udp", {"bytes": 2382000, "packets": 2496, "lost_packets": 114, "retransmits": None, "steps": 2}),
    "udp-reverse": ("udp", {"bytes": 625000, "packets": 625, "lost_packets": 0, "lost_percent": 0.0, "steps": 2}),
}


def _run(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((RECORDED / f"iperf3-{name}.json").read_text())
    return recorded


@pytest.mark.parametrize("name", list(RUNS))
def test_a_run_is_told_as_its_receiver_saw_it(name: str) -> None:
    protocol, expected = RUNS[name]
    run = _run(name)
    result = parse_iperf3(run["client"], run["server"], protocol)
    assert {
        **{field: getattr(result, field) for field in expected if field != "steps"},
        "steps": len(result.intervals),
    } == (expected)
    assert result.bits_per_second == pytest.approx(result.bytes * 8 / result.seconds, rel=0.01)
    assert all(0.4 < step.end - step.start < 0.6 or name == "tcp-parallel-omit" for step in result.intervals)


def _with(run: dict[str, Any], **received: object) -> dict[str, Any]:
    end = {**run["server"]["end"], "sum_received": {**run["server"]["end"]["sum_received"], **received}}
    return {"client": run["client"], "server": {**run["server"], "end": end}}


@pytest.mark.parametrize(
    ("received", "lost_percent", "lost"),
    [
        ({"packets": 100, "lost_packets": 100, "lost_percent": None, "jitter_ms": None}, 100.0, 100),
        ({"packets": 800, "lost_packets": -1, "lost_percent": -0.12}, 0.0, 0),
        ({"packets": 100, "lost_packets": 179, "lost_percent": 179.6}, 100.0, 100),
        ({"packets": 100, "lost_packets": 1, "lost_percent": float("nan")}, 1.0, 1),
        ({"packets": 100, "lost_packets": None, "lost_percent": None}, 0.0, 0),
    ],
)
def test_loss_is_between_nothing_and_all(received: dict[str, object], lost_percent: float, lost: int) -> None:
    run = _with(_run("udp"), **received)
    result = parse_iperf3(run["client"], run["server"], "udp")
    assert (result.lost_percent, result.lost_packets) == (lost_percent, lost)


@pytest.mark.parametrize("packets", [0, None])
def test_a_run_of_which_no_datagram_came_lost_all(packets: int | None) -> None:
    run = _with(_run("udp"), packets=packets, lost_packets=0, lost_percent=None, jitter_ms=None, bits_per_second=None)
    result = parse_iperf3(run["client"], run["server"], "udp")
    assert (result.lost_percent, result.packets, result.jitter_ms, result.bits_per_second) == (100.0, 0, None, 0.0)


def test_loss_of_each_interval_is_between_nothing_and_all() -> None:
    run = _run("udp")
    sums = [entry["sum"] for entry in run["server"]["intervals"]]
    sums[0] |= {"packets": 0, "lost_packets": 0, "lost_percent": None, "jitter_ms": None}
    sums[1] |= {"packets": 10, "lost_packets": 12, "lost_percent": 120.0}
    result = parse_iperf3(run["client"], run["server"], "udp")
    assert [step.lost_percent for step in result.intervals] == [0.0, 100.0]
    assert result.intervals[0].jitter_ms is None


@pytest.mark.parametrize("word", ["-nan", "nan", "NaN", "inf", "-inf", "Infinity"])
def test_what_iperf3_prints_for_no_number_is_nothing(word: str) -> None:
    printed = f'{{"a": {word}, "b":[{word}, 1 , {word}], "c": "{word}, {word}", "d":{word}\n}}'
    assert parse_json(printed) == {"a": None, "b": [None, 1, None], "c": f"{word}, {word}", "d": None}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unable to connect to server: Connection refused", NoTraffic),
        ("unable to connect to server: Connection timed out", NoTraffic),
        ("control socket has closed unexpectedly", NoTraffic),
        ("unable to connect to server: No route to host", NoTraffic),
        ("the server is busy running a test. try again later", TrafficError),
        ("unable to create a new stream: Protocol not available", TrafficError),
    ],
)
def test_a_fault_of_the_path_is_no_fault_of_the_tool(message: str, kind: type[Exception]) -> None:
    assert type(fault(message)) is kind
    with pytest.raises(kind):
        parse_iperf3({"error": message}, {}, "tcp")


def test_a_result_of_unknown_shape_is_an_error_of_the_tool() -> None:
    with pytest.raises(TrafficError, match="without 'start'"):
        parse_iperf3({}, {}, "tcp")


ANSWERED = """PING 10.99.0.2 (10.99.0.2) 100(128) bytes of data.
108 bytes from 10.99.0.2: icmp_seq=1 ttl=64 time=0.504 ms

--- 10.99.0.2 ping statistics ---
5 packets transmitted, 5 received, 0% packet loss, time 64ms
rtt min/avg/max/mdev = 0.053/0.156/0.504/0.174 ms
"""
TOO_LONG = """PING 10.99.0.2 (10.99.0.2) 2000(2028) bytes of data.

--- 10.99.0.2 ping statistics ---
3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 411ms

"""
DOUBLED = "4 packets transmitted, 4 received, +2 duplicates, 0% packet loss, time 3ms\n"


@pytest.mark.parametrize(
    ("output", "complaint", "expected"),
    [
        (ANSWERED, "", (5, 5, 0, 0, 0.053, 0.156, 0.504, 0.174, 0.0)),
        (TOO_LONG, "ping: local error: message too long, mtu=1500\n", (3, 0, 0, 3, None, None, None, None, 100.0)),
        (DOUBLED, "", (4, 4, 2, 0, None, None, None, None, 0.0)),
        ("", "ping: connect: Network is unreachable\n", (0, 0, 0, 1, None, None, None, None, 100.0)),
    ],
)
def test_pings_summary_is_read(output: str, complaint: str, expected: tuple[float | None, ...]) -> None:
    seen: PingResult = parse_ping(output, complaint)
    times = (seen.rtt_min_ms, seen.rtt_avg_ms, seen.rtt_max_ms, seen.rtt_mdev_ms)
    assert (seen.sent, seen.received, seen.duplicates, seen.errors, *times, seen.lost_percent) == expected


def test_a_ping_that_could_not_run_is_an_error() -> None:
    with pytest.raises(TrafficError, match="invalid argument"):
        parse_ping("", "ping: invalid argument: 'x'")
