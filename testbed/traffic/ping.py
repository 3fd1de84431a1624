"""Echo requests by the distribution's ping (iputils), with its summary as a value."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.traffic.result import TrafficError

_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received(.*)")
_RTT = re.compile(r"rtt min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms")
_CANNOT_SEND = ("Network is unreachable", "No route to host", "Destination Host Unreachable")


@dataclass(frozen=True)
class PingResult:
    """Echo requests *sent* and replies *received* (duplicates not counted); times in milliseconds.

    The four times are None when nothing came back. *errors* counts ICMP errors and local ones such as
    "message too long"; *output* is what ping printed.
    """

    sent: int
    received: int
    duplicates: int
    errors: int
    rtt_min_ms: float | None
    rtt_avg_ms: float | None
    rtt_max_ms: float | None
    rtt_mdev_ms: float | None
    output: str

    @property
    def lost_percent(self) -> float:
        """Return the share of requests without a reply, in percent."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else 100.0


def ping(
    namespace: Namespace,
    address: str,
    *,
    count: int = 3,
    interval: float = 0.2,
    size: int = 56,
    dont_fragment: bool = False,
    wait: float = 1.0,
    source: str | None = None,
    pattern: bytes = b"",
) -> PingResult:
    """Send *count* echo requests with *size* bytes of data, one each *interval* seconds, to *address*.

    The data are the time of sending, then *pattern* (at most 16 bytes) again and again.
    *wait* is how long the last replies may take. A silent or unreachable target is a result with no replies;
    :class:`TrafficError` is raised when ping itself cannot run.
    """
    argv = [
        "env",
        "LC_ALL=C",
        "ping",
        "-n",
        "-c",
        str(count),
        "-i",
        f"{interval:g}",
        "-s",
        str(size),
        "-W",
        f"{wait:g}",
    ]
    argv += ["-M", "do"] if dont_fragment else []
    argv += ["-I", source] if source else []
    argv += ["-p", pattern.hex()] if pattern else []
    limit = count * max(interval, 0.05) + 2 * wait + 10
    try:
        done = namespace.run([*argv, address], check=False, timeout=limit)
    except subprocess.TimeoutExpired as late:
        raise TrafficError(f"ping {address} was not done after {limit:g} s") from late
    return parse_ping(done.stdout, done.stderr)


def parse_ping(output: str, complaint: str = "") -> PingResult:
    """Return the result that ping's *output* and its standard error *complaint* tell.

    "Network is unreachable" is a result in which nothing was sent. Raises :class:`TrafficError` for anything else
    that has no summary.
    """
    counts = _COUNTS.search(output)
    if not counts:
        if any(known in complaint for known in _CANNOT_SEND):
            return PingResult(0, 0, 0, 1, None, None, None, None, complaint)
        raise TrafficError(f"ping failed: {(complaint or output).strip() or 'it printed nothing'}")
    times = _RTT.search(output)
    low, average, high, deviation = [float(number) for number in times.groups()] if times else [None] * 4
    return PingResult(
        sent=int(counts[1]),
        received=int(counts[2]),
        duplicates=_extra("duplicates", counts[3]),
        errors=_extra("errors", counts[3]),
        rtt_min_ms=low,
        rtt_avg_ms=average,
        rtt_max_ms=high,
        rtt_mdev_ms=deviation,
        output=output + complaint,
    )


def _extra(word: str, rest: str) -> int:
    found = re.search(rf"\+(\d+) {word}", rest)
    return int(found[1]) if found else 0
