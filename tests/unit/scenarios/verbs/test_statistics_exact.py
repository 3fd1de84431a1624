"""What becomes of a recorded run when a VNF's flows lack packets, and when it states so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY

RECORDED = Path(__file__).parents[1] / "evidence" / "statistics.exact" / "passed"
LACK = "site-a: packets that its flows lack, as it states"


def lacking(status: dict[str, Any], packets: int, stated: int) -> None:
    """Take *packets* of 40 bytes from the largest flow, and state *stated* of such as the error of flows."""
    flow = max(status["after"]["flows"], key=lambda flow: flow["packets"])
    flow |= {"packets": flow["packets"] - packets, "bytes": flow["bytes"] - 40 * packets}
    status["after"]["flows_error"] = {"packets": stated, "bytes": 40 * stated}
    status["after"]["untracked"] = {"packets": 0, "bytes": 0}
    del status["metrics"]  # which tell the numbers of before


CASES = [
    (0, 0, []),
    (1, 1, []),
    (1, 0, ["flow"]),
    (2, 1, ["flow"]),
    (2, 2, [LACK]),  # of fewer than 200 packets
    (0, 2, [LACK]),
    (-1, 1, ["flow", "counts"]),  # more than was sent
]


@pytest.mark.parametrize(("packets", "stated", "failing"), CASES)
def test_flows_may_lack_a_hundredth_if_it_is_stated(
    packets: int, stated: int, failing: list[str], tmp_path: Path
) -> None:
    case = shutil.copytree(RECORDED, tmp_path / "case")
    file = case / "site-a.json"
    status = json.loads(file.read_text(encoding="utf-8"))
    lacking(status, packets, stated)
    file.write_text(json.dumps(status), encoding="utf-8")
    judged = judge(*read(case / FILE_NAME, REGISTRY))
    names = [item.name for item in judged.checks if item.verdict.is_bad]
    assert [name if name == LACK else name.removeprefix("site-a: ").split()[0] for name in names] == failing
