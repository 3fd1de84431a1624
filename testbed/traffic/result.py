"""Parse the result of an iperf3 run: a pure function from the JSON of both ends to a result or an exception."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from testbed.errors import ProbeError

Protocol = Literal["tcp", "udp"]
_PATH_FAULTS = (
    "unable to connect",
    "connection refused",
    "timed out",
    "no route to host",
    "network is unreachable",
    "control socket has closed",
    "unable to receive",
    "unable to send control message",
    "unable to write to stream socket",
    "connection reset",
    "broken pipe",
)
_STUB_SECONDS = 0.05
_NO_NUMBER = re.compile(r"(?<=[:,\[\s])[-+]?(?:nan|inf(?:inity)?)(?=\s*[,}\]])", re.IGNORECASE)


class TrafficError(ProbeError):
    """The traffic tool itself failed; says nothing about the network under test."""


class NoTraffic(Exception):
    """The network did not carry the traffic although the server was ready: a finding, not an error of the test-bed."""


@dataclass(frozen=True)
class Interval:
    """One entry of the series that the *receiver* saw: seconds from the start, and rate in bit/s of payload.

    *lost_percent* and *jitter_ms* are None for TCP.
    """

    start: float
    end: float
    bits_per_second: float
    lost_percent: float | None
    jitter_ms: float | None


@dataclass(frozen=True)
class TrafficResult:
    """One finished iperf3 run, as its receiver saw it.

    *bits_per_second* is payload rate; *lost_percent*, *jitter_ms*, *packets*, *lost_packets* are None for TCP,
    *retransmits* is None for UDP. *raw* holds the complete JSON of ``client`` and ``server``.
    """

    protocol: Protocol
    bits_per_second: float
    seconds: float
    bytes: int
    lost_percent: float | None
    jitter_ms: float | None
    packets: int | None
    lost_packets: int | None
    retransmits: int | None
    intervals: tuple[Interval, ...]
    raw: Mapping[str, Any]


def parse_iperf3(client: Mapping[str, Any], server: Mapping[str, Any], protocol: Protocol) -> TrafficResult:
    """Return the result of one run from the JSON of both ends.

    Raises :class:`NoTraffic` when the path failed it, :class:`TrafficError` for any other error or an unknown shape.
    """
    for end in (client, server):
        if error := end.get("error"):
            raise fault(str(error))
    try:
        reverse = bool(client["start"]["test_start"]["reverse"])
        receiver = client if reverse else server
        received, sent = receiver["end"]["sum_received"], client["end"]["sum_sent"]  # of the other end a client is told
        return _result(protocol, received, sent, receiver["intervals"], {"client": client, "server": server})
    except (KeyError, TypeError, IndexError) as missing:
        raise TrafficError(f"iperf3 printed a result without {missing}") from missing


def parse_json(printed: str) -> Any:
    """Return iperf3's JSON; it prints ``-nan`` and ``inf`` for what it could not compute, which are null here."""
    return json.loads(_NO_NUMBER.sub("null", printed))


def fault(message: str) -> NoTraffic | TrafficError:
    """Return the exception that iperf3's error *message* stands for."""
    if any(known in message.lower() for known in _PATH_FAULTS):
        return NoTraffic(f"the path did not carry the test: iperf3 says {message!r}")
    return TrafficError(f"iperf3 failed: {message}")


def _result(protocol: Protocol, received: Any, sent: Any, intervals: Any, raw: Mapping[str, Any]) -> TrafficResult:
    udp = protocol == "udp"
    return TrafficResult(
        protocol=protocol,
        bits_per_second=float(received["bits_per_second"] or 0),
        seconds=float(received["seconds"]),
        bytes=int(received["bytes"]),
        lost_percent=_lost_percent(received, of_none=100.0) if udp else None,
        jitter_ms=_jitter(received) if udp else None,
        packets=int(received["packets"] or 0) if udp else None,
        lost_packets=_lost(received) if udp else None,
        retransmits=None if udp else int(sent["retransmits"]),
        intervals=tuple(_interval(entry["sum"], udp) for entry in intervals if _counts(entry["sum"])),
        raw=raw,
    )


def _counts(entry: Any) -> bool:
    """Leave out the warm-up, and the stub after the last full step whose rate means nothing."""
    return not entry.get("omitted") and float(entry["seconds"]) >= _STUB_SECONDS


def _interval(entry: Any, udp: bool) -> Interval:
    return Interval(
        start=float(entry["start"]),
        end=float(entry["end"]),
        bits_per_second=float(entry["bits_per_second"] or 0),
        lost_percent=_lost_percent(entry, of_none=0.0) if udp else None,
        jitter_ms=_jitter(entry) if udp else None,
    )


def _lost(entry: Any) -> int:
    """Return how many datagrams were lost, by what was counted.

    iperf3 takes back a loss for each datagram that comes late or twice, so that its own figure can be below none, and
    it counts losses of another interval, so that it can be above all.
    """
    return min(max(int(entry["lost_packets"] or 0), 0), int(entry["packets"] or 0))


def _lost_percent(entry: Any, of_none: float) -> float:
    """Return the share of datagrams that were lost, 0 to 100, and *of_none* where the receiver knows of none.

    It knows of those before the last one that came: none in a whole run means that all were lost, none in an interval
    that none was due.
    """
    packets = int(entry["packets"] or 0)
    return 100 * _lost(entry) / packets if packets else of_none


def _jitter(entry: Any) -> float | None:
    """Return the jitter in milliseconds, None where nothing came that could have any."""
    return None if entry["jitter_ms"] is None else float(entry["jitter_ms"])
