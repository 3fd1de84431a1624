"""Digests of frames on a real wire: all that pass, at each port, and every way to miss one."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scenarios.network.digests import ALL, LOST, NOWHERE, Digest, Flow, parse
from testbed.capture import CaptureError
from testbed.capture.tcpdump import USER
from testbed.digests import Recorder, recording
from testbed.packets import interface_mac, listening, probe, send
from testbed.traffic import iperf3

KEY = 42


@pytest.fixture(autouse=True)
def open_port(segment: Any) -> Iterator[None]:
    """Hold the probes' port open: a refusal would cross the wire, too."""
    with listening(segment.b.namespace, segment.b.address, [("udp", 9)]):
        yield


@contextmanager
def running(segment: Any, *ports: str, key: int = KEY, networks: tuple[str, ...] = ()) -> Iterator[Recorder]:
    recorder = Recorder(segment.middle, ports, networks, key)
    with recording([recorder]):
        yield recorder


def frame(segment: Any, payload: bytes, source_port: int = 4000) -> bytes:
    return probe(
        "udp",
        source_mac=interface_mac(segment.a.namespace, "eth0"),
        destination_mac=interface_mac(segment.b.namespace, "eth0"),
        source=segment.a.address,
        destination=segment.b.address,
        source_port=source_port,
        payload=payload,
    )


def flow(segment: Any, source_port: int = 4000) -> Flow:
    return Flow("0800", 0, 17, segment.a.address, source_port, segment.b.address, 9)


def test_what_comes_in_by_one_port_leaves_by_the_other(segment: Any) -> None:
    with running(segment, "to-a", "to-b") as recorder:
        send(segment.a.namespace, "eth0", [frame(segment, bytes([number])) for number in range(200)])
        seen = parse(recorder.read())
        came, left = seen["to-a", "rx"][flow(segment)], seen["to-b", "tx"][flow(segment)]
        assert came == left
        assert came.packets == 200
        assert ("to-b", "rx") not in seen or flow(segment) not in seen["to-b", "rx"]


def test_all_of_a_fast_connection_is_seen_whole(segment: Any) -> None:
    with running(segment, "to-a", "to-b") as recorder:
        iperf3(segment.a.namespace, segment.b.namespace, segment.b.address, seconds=1, bitrate=300e6)
        seen = parse(recorder.read())
    bulk = {flow: digest for flow, digest in seen["to-a", "rx"].items() if digest.octets > 1e6}
    assert len(bulk) == 1
    assert {flow: seen["to-b", "tx"][flow] for flow in bulk} == bulk


def test_it_goes_on_behind_each_look(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        for number in range(1, 6):
            send(segment.a.namespace, "eth0", [frame(segment, b"data")])
            assert parse(recorder.read())["to-a", "rx"][flow(segment)].packets == number


def test_a_port_that_was_there_counts_where_it_is_named(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        send(segment.a.namespace, "eth0", [frame(segment, b"data")])
        seen = parse(recorder.read())
        assert {port for port, _ in seen} == {"to-a", "-"}
        assert seen["to-a", "rx"][ALL].packets >= 1


def test_a_port_that_comes_up_later_counts(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        segment.middle.run(["ip", "link", "add", "late", "type", "veth", "peer", "name", "later"])
        for name in ("late", "later"):
            segment.middle.run(["ip", "link", "set", name, "up"])
        send(segment.middle, "late", [frame(segment, b"data")])
        seen = parse(recorder.read())
        assert seen["late", "tx"][flow(segment)] == seen["later", "rx"][flow(segment)]


def test_networks_are_left_out(segment: Any) -> None:
    with running(segment, "to-a", networks=(f"{segment.a.address}/24",)) as recorder:
        send(segment.a.namespace, "eth0", [frame(segment, b"data")])
        assert flow(segment) not in parse(recorder.read()).get(("to-a", "rx"), {})


def test_another_key_makes_other_digests(segment: Any) -> None:
    with running(segment, "to-a") as recorder, running(segment, "to-a", key=KEY + 1) as other:
        send(segment.a.namespace, "eth0", [frame(segment, b"data")])
        one, two = (parse(each.read())["to-a", "rx"][flow(segment)] for each in (recorder, other))
        assert (one.packets, two.packets) == (1, 1)
        assert one.same != two.same


def test_lost_frames_are_told(segment: Any) -> None:
    with running(segment, "to-a", "to-b") as recorder:
        os.kill(recorder.pid, signal.SIGSTOP)
        send(segment.a.namespace, "eth0", [frame(segment, bytes(1400))] * 8000)
        os.kill(recorder.pid, signal.SIGCONT)
        assert parse(recorder.read())[NOWHERE][LOST].packets > 100


def test_a_recorder_that_was_killed_is_an_error(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        os.kill(recorder.pid, signal.SIGKILL)
        with pytest.raises(CaptureError, match="have ended by SIGKILL"):
            recorder.read()


def test_a_recorder_that_cannot_begin_says_why(segment: Any) -> None:
    recorder = Recorder(segment.middle, ["to-a"], ["no network"], KEY)
    with pytest.raises(CaptureError, match="no network: Invalid argument"), recording([recorder]):
        pass


def test_it_has_no_more_privileges_than_it_needs(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        status = Path(f"/proc/{recorder.pid}/status").read_text()
        user = pwd.getpwnam(USER)
        assert f"Uid:\t{user.pw_uid}\t{user.pw_uid}" in status
        assert f"CapEff:\t{1 << 13:016x}" in status
        assert str(KEY).encode() not in Path(f"/proc/{recorder.pid}/cmdline").read_bytes()


def test_nothing_came(segment: Any) -> None:
    with running(segment, "to-a") as recorder:
        assert flow(segment) not in parse(recorder.read()).get(("to-a", "rx"), dict[Flow, Digest]())
