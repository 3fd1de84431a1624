"""Frames that offload has merged and the capture has cut: clear text fails a step, anything else leaves it open."""

from __future__ import annotations

import shutil
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from reports.model import Verdict
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY
from testbed.capture import TruncatedCapture

from ...testbed.capture.pcap_files import record

PASSED = Path(__file__).parents[1] / "evidence" / "wire.encrypted" / "passed"
CLEAR = bytes(Ether() / IP(src="10.1.0.10", dst="10.2.0.10") / TCP() / Raw(bytes(60_000)))
UNKNOWN = bytes(Ether(type=0x88B5) / Raw(bytes(60_000)))


def with_frame(frame: bytes, tmp_path: Path) -> Path:
    """The evidence of a step that passed, with one more frame on a link."""
    case = shutil.copytree(PASSED, tmp_path / "case")
    with (case / "internet-site-a.pcap").open("ab") as file:
        file.write(record(frame[:2048], length=len(frame)))
    return case


def test_clear_text_that_is_merged_fails(tmp_path: Path) -> None:
    judged = judge(*read(with_frame(CLEAR, tmp_path) / FILE_NAME, REGISTRY))
    assert judged.verdict is Verdict.FAILED
    assert [check.name for check in judged.checks if check.verdict.is_bad] == ["other IP packets on internet site-a"]


def test_what_is_cut_of_other_frames_is_not_known(tmp_path: Path) -> None:
    judged = judge(*read(with_frame(UNKNOWN, tmp_path) / FILE_NAME, REGISTRY))
    assert judged.verdict is Verdict.ERROR
    assert isinstance(judged.error, TruncatedCapture)
