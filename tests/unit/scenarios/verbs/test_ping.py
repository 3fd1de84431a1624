"""Answers to echo requests, counted where they arrive: what ping itself says of them is no evidence."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY

CASE = Path(__file__).parents[1] / "evidence" / "ping" / "passed"
"""Two requests, each with its answer behind it."""
LOST, OWN = "a1 to b1: lost", "answers that b1 itself gave to what it was asked"


def keep(capture: Path, *wanted: int) -> None:
    """Leave the frames of these numbers in a capture."""
    data = capture.read_bytes()
    place, records = 24, list[bytes]()
    while place < len(data):
        end = place + 16 + struct.unpack_from("<I", data, place + 8)[0]
        records.append(data[place:end])
        place = end
    capture.write_bytes(data[:24] + b"".join(records[number] for number in wanted))


@pytest.mark.parametrize(
    ("near", "far", "lost", "failed"),
    [
        ((0, 1, 2, 3), (0, 1, 2, 3), "0 %", []),
        ((0, 2, 1, 3), (0, 1, 2, 3), "0 %", []),  # an answer may come behind the next request
        ((0, 1, 2), (0, 1, 2, 3), "50 %", [LOST]),
        ((0, 2), (0, 1, 2, 3), "100 %", [LOST]),
        ((0, 1, 1, 2), (0, 1, 2, 3), "50 %", [LOST, "answers at a1 that are not those of b1"]),
        ((0, 1, 2, 3), (0, 1, 2), "0 %", ["answers at a1 that are not those of b1", OWN]),
    ],
)
def test_answers_are_those_that_were_captured(
    near: tuple[int, ...], far: tuple[int, ...], lost: str, failed: list[str], tmp_path: Path
) -> None:
    folder = shutil.copytree(CASE, tmp_path / "copy")
    keep(folder / "a1.pcap", *near)
    keep(folder / "b1.pcap", *far)
    judged = judge(*read(folder / FILE_NAME, REGISTRY))
    assert [check.name for check in judged.checks if check.verdict is Verdict.FAILED] == failed
    assert judged.checks[0].measured == lost
