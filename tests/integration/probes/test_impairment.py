"""Impairments on a real segment, judged by real echo requests: by every engine that this kernel has."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.host.kernel import has_netem
from testbed.impairment import Impairer, ImpairmentError
from testbed.impairment.model import EngineName
from testbed.labels import LAB_VARIABLE
from testbed.packets import CountedStream, End, Flow, interface_mac
from testbed.polling import poll
from testbed.spec.model import Impairment
from testbed.traffic import PingResult, iperf3, ping

ENGINES = [
    "wirefilter",
    pytest.param("netem", marks=pytest.mark.skipif(not has_netem(), reason="this kernel has no netem")),
]


@pytest.fixture(autouse=True)
def no_wire_is_left(segment: Any) -> Iterator[None]:
    """Take off whatever a failed test has left."""
    yield
    for port in ("to-a", "to-b"):
        _impairer(segment).remove(port)
    assert _wires("test-lab") == []


def _impairer(segment: Any, engine: EngineName | None = None) -> Impairer:
    return Impairer(segment.middle, segment.folder / "impair", lab="test-lab", engine=engine)


def _ping(segment: Any, count: int = 20, interval: float = 0.01) -> PingResult:
    return ping(segment.a.namespace, segment.b.address, count=count, interval=interval)


@pytest.mark.parametrize("engine", ENGINES)
def test_delay_is_put_on_once_per_direction_changed_and_taken_off(segment: Any, engine: EngineName) -> None:
    impairer = _impairer(segment, engine)
    bare = _ping(segment).rtt_min_ms  # the smallest: a busy machine answers some late, an impairment delays all
    assert bare and bare < 5
    for port in ("to-a", "to-b"):
        assert impairer.apply(port, Impairment(delay_ms=20)) == engine
    assert _ping(segment).rtt_min_ms == pytest.approx(40, abs=6)
    impairer.apply("to-b", Impairment(delay_ms=50))
    changed = _ping(segment)
    assert changed.received == changed.sent, "a change at run time loses nothing"
    assert changed.rtt_min_ms == pytest.approx(70, abs=6)
    for port in ("to-a", "to-b"):
        impairer.remove(port)
        assert impairer.active(port) is None
    after = _ping(segment)
    assert after.received == after.sent
    assert after.rtt_min_ms and after.rtt_min_ms < 5


@pytest.mark.parametrize("engine", ENGINES)
def test_loss_and_jitter_have_the_size_that_was_asked_for(segment: Any, engine: EngineName) -> None:
    _impairer(segment, engine).apply("to-b", Impairment(delay_ms=10, jitter_ms=5, loss_percent=10))
    seen = _ping(segment, count=100)
    assert seen.rtt_min_ms == pytest.approx(5, abs=3)
    assert seen.rtt_avg_ms == pytest.approx(10, abs=4)
    # 3,000 datagrams: four standard deviations of a 10 % loss are 2.2 percentage points.
    assert _lost_percent(segment, 3000) == pytest.approx(10, abs=2.2)


@pytest.mark.parametrize("engine", [*ENGINES, "tbf"])
def test_rate_limits_tcp_in_the_impaired_direction_only(segment: Any, engine: EngineName) -> None:
    _impairer(segment, engine).apply("to-b", Impairment(rate_mbit=20))
    ends = (segment.a.namespace, segment.b.namespace, segment.b.address)
    assert 14e6 < iperf3(*ends, seconds=2, omit=1).bits_per_second < 20.5e6
    assert iperf3(*ends, seconds=1, reverse=True).bits_per_second > 25e6


def test_without_netem_a_bare_rate_needs_no_wire_and_a_change_of_engine_leaves_nothing_behind(segment: Any) -> None:
    if has_netem():
        pytest.skip("netem does all of it here")
    impairer = _impairer(segment)
    assert impairer.apply("to-b", Impairment(rate_mbit=50)) == "tbf"
    assert impairer.apply("to-b", Impairment(rate_mbit=50, delay_ms=5)) == "wirefilter"
    assert _ping(segment).rtt_min_ms == pytest.approx(5, abs=3)
    assert impairer.apply("to-b", Impairment(rate_mbit=50)) == "tbf"
    impairer.remove("to-b")
    assert not [name for name in _interfaces(segment) if name.startswith("wf")]
    assert not list((segment.folder / "impair").iterdir())
    assert _wires("test-lab") == []
    assert _ping(segment).lost_percent == 0


def test_a_wire_carries_the_labs_mark_and_goes_when_the_port_is_freed(segment: Any) -> None:
    impairer = _impairer(segment, "wirefilter")
    impairer.apply("to-b", Impairment(delay_ms=1))
    assert len(_wires("test-lab")) == 1
    impairer.remove("to-b")
    assert _wires("test-lab") == []


def test_another_impairer_of_the_same_lab_can_change_and_remove_what_one_has_made(segment: Any) -> None:
    _impairer(segment, "wirefilter").apply("to-b", Impairment(delay_ms=1))
    other = _impairer(segment, "wirefilter")
    other.apply("to-b", Impairment(delay_ms=30))
    assert _ping(segment, count=5).rtt_min_ms == pytest.approx(30, abs=5)
    other.apply("to-b", Impairment())
    assert other.active("to-b") == "wirefilter"
    assert (_ping(segment, count=5).rtt_min_ms or 99) < 5
    other.remove("to-b")
    assert _wires("test-lab") == []


def test_what_cannot_be_impaired_is_said_and_left_as_it_was(segment: Any) -> None:
    impairer = _impairer(segment, "wirefilter")
    with pytest.raises(ImpairmentError, match="no interface to-c"):
        impairer.apply("to-c", Impairment(delay_ms=1))
    with pytest.raises(ImpairmentError, match="no port of a bridge"):
        impairer.apply("net", Impairment(delay_ms=1))
    with pytest.raises(ImpairmentError, match="tbf limits a rate"):
        _impairer(segment, "tbf").apply("to-b", Impairment(delay_ms=1))
    assert _ping(segment).lost_percent == 0


def _lost_percent(segment: Any, packets: int) -> float:
    macs = {host: interface_mac(host.namespace, host.interface) for host in (segment.a, segment.b)}
    ends = {
        name: End(near.namespace, near.interface, near.address, macs[near], macs[far])
        for name, near, far in (("there", segment.a, segment.b), ("back", segment.b, segment.a))
    }
    stream = CountedStream(ends, (Flow("there", "udp", packets, 100), Flow("back", "udp", 100, 100)))
    result = stream.run(interval_seconds=0.0003, deadline=0.5)
    assert result.arrived["back"] == result.expected.direction("back"), "the other direction is not impaired"
    return 100 - 100 * result.arrived["there"].packets / packets


def _interfaces(segment: Any) -> list[str]:
    rows = segment.middle.run(["ip", "-brief", "link"]).stdout.splitlines()
    return [row.split()[0] for row in rows]


def _wires(lab: str) -> list[int]:
    """Return the processes named wirefilter that carry the mark of *lab*."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "comm").read_text() == "wirefilter\n":
                found += (
                    [int(entry.name)] if f"{LAB_VARIABLE}={lab}".encode() in (entry / "environ").read_bytes() else []
                )
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def test_a_wire_that_is_killed_starts_anew_as_it_was_set_last(segment: Any) -> None:
    impairer = _impairer(segment, "wirefilter")
    impairer.apply("to-b", Impairment(delay_ms=5))
    impairer.apply("to-b", Impairment(delay_ms=30))
    for _ in range(2):
        (process,) = [pid for pid in _wires("test-lab") if Path(f"/proc/{pid}/comm").read_text() == "wirefilter\n"]
        os.kill(process, signal.SIGKILL)
        assert poll(lambda gone=process: not Path(f"/proc/{gone}").exists(), 5)  # type: ignore[misc]
        again = poll(lambda: (seen := _ping(segment)).received == seen.sent and seen, 10)
        assert again
        assert again.rtt_min_ms == pytest.approx(30, abs=6)
