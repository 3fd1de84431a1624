"""The PoC ordered through MEF 99.1 ordering: the same proofs on the wire hold, and hold again from the files alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import POC

from lso.api import api_server
from reports.model import Verdict
from scenarios.load import LoadedScenario, load
from scenarios.session import ordered
from scenarios.steps.context import Context
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.steps.step import run_step
from scenarios.verbs import REGISTRY

LOADED: LoadedScenario = load(POC.with_name("poc-two-sites-ordering"))
STEPS = list(zip(LOADED.scenario.steps, LOADED.verbs, strict=True))


@pytest.fixture(scope="module")
def variant() -> Iterator[Context]:
    """A lab of its own, because the last step removes the service."""
    with ordered(LOADED.scenario, api_server) as running:
        yield running


def test_every_step_of_the_scenario(variant: Context, tmp_path: Path) -> None:
    results = [run_step(variant, step, verb, tmp_path / step.id) for step, verb in STEPS]
    wrong = {result.id: result.message for result in results if result.verdict is not Verdict.PASSED}
    assert wrong == {}
    assert len(results) == 14
    for result in results:
        judged = judge(*read(tmp_path / result.id / FILE_NAME, REGISTRY))
        assert (judged.verdict, judged.message, tuple(judged.checks)) == (result.verdict, result.message, result.checks)
