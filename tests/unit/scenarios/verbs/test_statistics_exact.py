"""Flows that lack packets in a recorded run, and flows that end while status and metrics are read."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from scenarios.network import meters
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY
from scenarios.verbs.statistics_exact import StatisticsExact

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


@pytest.mark.parametrize(
    ("flows", "alike"),
    [
        ([5, 5], True),  # as many as the status, the metrics, the status and so on have, one after the other
        ([5, 4, 4, 3, 2, 1], True),
        ([5, 4, 3, 3, 2, 1], True),
        ([5, 4, 3, 2, 1, 0], False),
    ],
)
def test_a_flow_may_end_between_status_and_metrics(flows: list[int], alike: bool) -> None:
    verb, _ = read(RECORDED / FILE_NAME, REGISTRY)
    assert isinstance(verb, StatisticsExact)
    told, left = json.loads((RECORDED / "site-a.json").read_text(encoding="utf-8")), list(flows)
    status, text = told["after"], told["metrics"]

    def a_status(*_: object) -> dict[str, Any]:
        return {"statistics": status | {"flows": status["flows"][: left.pop(0)]}}

    def metrics(*_: object) -> dict[str, str]:
        return {"statistics": re.sub(r"^lso_vnf_flows .*$", f"lso_vnf_flows {left.pop(0)}", text, flags=re.MULTILINE)}

    def until(_what: str, _deadline: float, probe: Callable[[], bool]) -> bool:
        try:
            return any(probe() for _ in flows)
        except IndexError:  # time is up
            return False

    context, recorder = Mock(vnf_statuses=a_status, vnf_texts=metrics), Mock(until=until)
    expected: meters.Totals = {}
    seen = verb._counted(context, recorder, "site-a", "statistics", status, expected)
    assert (not meters.differing(seen["metrics"], seen["after"])) is alike
