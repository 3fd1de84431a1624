"""Captures on a real wire: the first frame after the start, the last before the stop, and every way to lose one."""

from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from testbed.capture import WHOLE, Capture, CaptureError, TruncatedCapture, captures, find_bytes, read_frames
from testbed.capture.tcpdump import USER
from testbed.labels import LAB_VARIABLE
from testbed.packets import canary, interface_mac, listening, probe, send
from testbed.polling import poll

MARK = "test-capture"


def _frame(segment: Any, payload: bytes, source: Any = None, target: Any = None) -> bytes:
    source, target = source or segment.a, target or segment.b
    return probe(
        "udp",
        source_mac=interface_mac(source.namespace, "eth0"),
        destination_mac=interface_mac(target.namespace, "eth0"),
        source=source.address,
        destination=target.address,
        payload=payload,
    )


@pytest.fixture(autouse=True)
def open_port(segment: Any) -> Iterator[None]:
    """Hold the probes' port open: a refusal would carry the token back over the wire."""
    with listening(segment.b.namespace, segment.b.address, [("udp", 9)]):
        yield


def _capture(segment: Any, name: str = "wire", **fields: Any) -> Capture:
    return Capture(segment.middle, "to-b", segment.folder / f"{name}.pcap", lab=MARK, **fields)


def _pid(capture: Capture) -> int:
    assert capture._child
    return capture._child.pid


def test_a_frame_sent_right_after_the_start_and_right_before_the_stop_is_there(segment: Any) -> None:
    for _ in range(10):
        token = canary()
        capture = _capture(segment)
        capture.start()
        send(segment.a.namespace, "eth0", [_frame(segment, token)])
        result = capture.stop()
        assert len(find_bytes(result.path, token)) == 1
        assert result.dropped_by_kernel == 0


def test_a_burst_is_in_the_file_completely_although_the_stop_follows_at_once(segment: Any) -> None:
    frames = [_frame(segment, canary())] * 4000
    capture = _capture(segment, filter="udp")
    capture.start()
    send(segment.a.namespace, "eth0", frames)
    result = capture.stop()
    assert (result.packets, result.truncated) == (4000, 0)
    times = [frame.timestamp for frame in read_frames(result.path)]
    assert times == sorted(times)
    assert stat.S_IMODE(result.path.stat().st_mode) == 0o600


def test_what_a_capture_holds_so_far_is_whole_and_it_goes_on(segment: Any) -> None:
    capture = _capture(segment, filter="udp")
    capture.start()
    for times in range(1, 4):
        send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 500)
        assert capture.catch_up()
        assert len(list(read_frames(capture.path))) == 500 * times
    assert capture.stop().packets == 1500


@pytest.mark.parametrize("frames", [100, 101, 5000])
def test_a_capture_that_is_full_says_that_more_may_have_come(segment: Any, frames: int) -> None:
    capture = _capture(segment, filter="udp", limit=100)
    capture.start()
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 99)
    assert capture.catch_up()
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * (frames - 99))
    assert poll(lambda: capture._child and capture._child.poll() is not None, 10)
    assert not capture.catch_up()
    assert len(list(read_frames(capture.path))) == 100
    capture.abandon()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_capture_that_somebody_ended_does_not_catch_up(segment: Any, number: signal.Signals) -> None:
    capture = _capture(segment, filter="udp", limit=100)
    capture.start()
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 10)
    assert capture._child
    os.kill(_pid(capture), number)
    assert poll(lambda: capture._child and capture._child.poll() is not None, 10)
    with pytest.raises(CaptureError, match="does not tell its counters"):
        capture.catch_up()
    with pytest.raises(CaptureError, match="does not tell its counters"):
        capture.stop()


def test_lost_frames_are_an_error_and_not_silence(segment: Any) -> None:
    capture = _capture(segment)
    capture.start()
    os.kill(_pid(capture), signal.SIGSTOP)
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 12000)
    os.kill(_pid(capture), signal.SIGCONT)
    with pytest.raises(CaptureError, match=r"lost \d+ of \d+ frames"):
        capture.stop()


def test_a_capture_that_died_meanwhile_is_an_error(segment: Any) -> None:
    capture = _capture(segment)
    capture.start()
    os.kill(_pid(capture), signal.SIGKILL)
    with pytest.raises(CaptureError, match=r"does not tell its counters \(ended by SIGKILL\)"):
        capture.stop()


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_burst_of_one_direction_is_there_completely_beside_the_other(segment: Any, direction: Any) -> None:
    """Frames of the other direction are counted as received, and never captured."""
    capture = _capture(segment, filter="udp", direction=direction)
    ends = (segment.a, segment.b) if direction == "out" else (segment.b, segment.a)
    frames = [_frame(segment, canary(), *pair) for pair in (ends, ends[::-1])]
    with listening(segment.a.namespace, segment.a.address, [("udp", 9)]):
        for _ in range(5):
            capture = _capture(segment, filter="udp", direction=direction)
            capture.start()
            send(ends[1].namespace, "eth0", [frames[1]] * 300)
            send(ends[0].namespace, "eth0", [frames[0]] * 700)
            result = capture.stop()
            assert (result.packets, result.received) == (700, 1000)


def test_a_disk_that_is_full_is_an_error_and_not_silence(segment: Any) -> None:
    small = segment.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", small], check=True)
    try:
        capture = _capture(segment, "small/wire", filter="udp")
        capture.start()
        send(segment.a.namespace, "eth0", [_frame(segment, bytes(1000))] * 30)
        with pytest.raises(CaptureError, match=r"wrote \d+ of 30 frames|No space left"):
            capture.stop()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_file_that_somebody_else_writes_to_is_an_error(segment: Any) -> None:
    capture = _capture(segment, filter="udp")
    capture.start()
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 3)
    assert poll(capture.catch_up, 5)
    with capture.path.open("r+b") as file:
        file.seek(24)
        file.write(bytes(16))
    with pytest.raises(CaptureError, match=r"has a file that cannot be read .* is damaged"):
        capture.catch_up()
    with pytest.raises(CaptureError, match=r"has a file that cannot be read .* is damaged"):
        capture.stop()


@pytest.mark.parametrize("change", ["deleted", "elsewhere"])
def test_an_interface_that_goes_ends_its_capture_with_an_error(segment: Any, change: str) -> None:
    capture = _capture(segment, filter="udp")
    capture.start()
    how = ["del", "to-b"] if change == "deleted" else ["set", "to-b", "netns", segment.a.namespace.path]
    segment.middle.run(["ip", "link", *how])
    with pytest.raises(CaptureError, match=r"does not tell its counters (.|\n)*disappeared"):
        capture.stop()


def test_a_capture_goes_on_when_its_interface_was_down_for_a_moment(segment: Any) -> None:
    capture = _capture(segment, filter="udp")
    capture.start()
    for _ in range(3):
        send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 10)
        for state in ("down", "up"):
            segment.middle.run(["ip", "link", "set", "to-b", state])
    send(segment.a.namespace, "eth0", [_frame(segment, canary())] * 10)
    assert capture.stop().packets == 40


BULK = """
import socket, sys
with socket.create_connection((sys.argv[1], 5201)) as connection:
    connection.settimeout(1)
    for _ in range(20):
        connection.send(bytes(64000))
"""


def test_frames_that_offload_merges_are_whole_where_that_is_asked_for(segment: Any) -> None:
    """What is not in them can be told only then."""
    short, whole = _capture(segment, "short", filter="tcp"), _capture(segment, "whole", filter="tcp", snaplen=WHOLE)
    with (
        listening(segment.b.namespace, segment.b.address, [("tcp", 5201)]),
        captures([short, whole]) as results,
    ):
        segment.a.namespace.run([sys.executable, "-c", BULK, segment.b.address], check=False)
    assert results[0].truncated > 0
    with pytest.raises(TruncatedCapture):
        find_bytes(short.path, canary())
    assert results[1].truncated == 0
    assert find_bytes(whole.path, canary()) == []


def test_a_capture_may_open_packet_sockets_and_nothing_else(segment: Any) -> None:
    capture = _capture(segment)
    capture.start()
    rows = dict(line.split(":\t", 1) for line in Path(f"/proc/{_pid(capture)}/status").read_text().splitlines())
    capture.stop()
    assert set(rows["Uid"].split()) == {str(pwd.getpwnam(USER).pw_uid)}
    assert {int(rows[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {1 << 13}  # CAP_NET_RAW
    assert capture.path.stat().st_mode & 0o777 == 0o600


def test_filter_direction_and_snapshot_length_hold(segment: Any) -> None:
    wanted = [
        _capture(segment, "icmp", filter="icmp"),
        _capture(segment, "in", direction="in", filter="udp"),
        _capture(segment, "out", direction="out", filter="udp"),
        _capture(segment, "short", snaplen=60, filter="udp"),
    ]
    with captures(wanted) as results:
        send(segment.a.namespace, "eth0", [_frame(segment, canary(100))])
        assert results == []
    icmp, inward, outward, short = results
    assert icmp.packets == 0
    assert outward.packets == 1
    assert inward.packets == 0
    assert (short.packets, short.truncated) == (1, 1)


def test_captures_end_when_their_block_raises(segment: Any) -> None:
    capture = _capture(segment)
    with pytest.raises(ZeroDivisionError), captures([capture, _capture(segment, "other")]):
        raise ZeroDivisionError
    assert _marked() == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"interface": "nothing"}, "No such device"),
        ({"filter": "icmp and and"}, "can't parse filter"),
        ({"path": Path("/run/lso-test.txt")}, "must end in .pcap"),
    ],
)
def test_a_capture_that_cannot_start_says_why(segment: Any, fields: dict[str, Any], message: str) -> None:
    capture = _capture(segment)
    for name, value in fields.items():
        setattr(capture, name, value)
    with pytest.raises(CaptureError, match=message):
        capture.start()
    assert _marked() == []


def test_an_interface_that_is_down_is_no_live_capture(segment: Any) -> None:
    segment.middle.run(["ip", "link", "set", "dev", "to-b", "down"])
    with pytest.raises(CaptureError, match=r"not up|[Nn]etwork is down"):
        _capture(segment).start()


def test_a_capture_outlives_the_worker_thread_that_started_it(segment: Any) -> None:
    capture = _capture(segment)
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(capture.start).result()
    token = canary()
    send(segment.a.namespace, "eth0", [_frame(segment, token)])
    assert len(find_bytes(capture.stop().path, token)) == 1


PARENT = """
import sys, time
from pathlib import Path
from testbed.capture import Capture
from testbed.host.namespace import Namespace
Capture(Namespace(sys.argv[1]), "to-b", Path(sys.argv[2]), lab=sys.argv[3]).start()
print("live", flush=True)
sys.stdin.read()
"""


def test_a_capture_dies_with_its_parent_however_that_ends(segment: Any) -> None:
    argv = [sys.executable, "-c", PARENT, segment.middle.path, str(segment.folder / "x.pcap"), MARK]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout and parent.stdout.readline() == "live\n"
        assert len(_marked()) == 1
        parent.kill()
    assert poll(lambda: not _marked(), 2)


def _marked() -> list[int]:
    """Return the processes named tcpdump that carry this test's mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "comm").read_text() == "tcpdump\n":
                found += (
                    [int(entry.name)] if f"{LAB_VARIABLE}={MARK}".encode() in (entry / "environ").read_bytes() else []
                )
        except OSError:
            continue
    return found
