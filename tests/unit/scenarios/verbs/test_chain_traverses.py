"""``chain.traverses`` fails by order only when packets have overtaken others each time they were sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios.steps.observation import FILE_NAME, read
from scenarios.verbs import REGISTRY
from scenarios.verbs.chain_traverses import ChainEvidence, ChainTraverses, Way

CASES = Path(__file__).parents[1] / "evidence" / "chain.traverses"


def _way(case: str) -> tuple[ChainTraverses, ChainEvidence, Way]:
    verb, observation = read(CASES / case / FILE_NAME, REGISTRY)
    assert isinstance(verb, ChainTraverses)
    assert isinstance(observation.evidence, ChainEvidence)
    return verb, observation.evidence, observation.evidence.ways[0]


@pytest.mark.parametrize(("swapped", "in_order"), [(1, 1), (2, 1), (3, 0)])
def test_packets_may_overtake_others_in_some_tries_only(swapped: int, in_order: int) -> None:
    verb, evidence, right = _way("passed")
    wrong = _way("failed-pairs-of-packets-are-swapped")[2]
    tries = (wrong,) * swapped + (right,) * in_order
    judgement = verb.judge(evidence.model_copy(update={"ways": tries}))
    failed = [check.name for check in judgement.checks if check.verdict is Verdict.FAILED]
    sides = [] if in_order else ["site-a", "site-b"]
    assert failed == [f"a1→b1 at {side}: ports where packets have overtaken others" for side in sides]
