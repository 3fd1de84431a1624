"""One lab with its service ordered for all tests that break the network; each test puts it right again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for breaking.py, which the tests share

from breaking import POC, access, await_path, forget_associations, judge_one, swanctl

from lso.api import api_server
from reports.model import StepResult
from scenarios.load import load
from scenarios.network.underlay_audit import audited
from scenarios.session import ordered
from scenarios.steps.context import Context


@pytest.fixture(scope="session", autouse=True)
def _needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")


@pytest.fixture(scope="session")
def context() -> Iterator[Context]:
    """The PoC's lab with its service active; shared, so each test leaves it as it found it."""
    with ordered(load(POC).scenario, api_server) as running:
        yield running


@pytest.fixture
def judged(context: Context, tmp_path: Path) -> Callable[..., StepResult]:
    """Judge one verb in the shared lab as a run does.

    What was counted since the order is left out: tests before this one have made counters lie and set them back.
    """

    def run(verb: str, **parameters: Any) -> StepResult:
        return judge_one(replace(context, counted={}), tmp_path, verb, **parameters)

    return run


@pytest.fixture
def watched(context: Context, tmp_path: Path) -> Iterator[Callable[[], StepResult]]:
    """Judge what happened since the test began; the key exchange of a rekeying is in it, as that of an order is."""
    with audited(context.scenario, context.lab) as audit:
        forget_associations(context)
        swanctl(access(context, "site-b", "ipsec"), "--rekey", "--ike", "site-a")
        await_path(context)
        yield lambda: judge_one(replace(context, audit=audit), tmp_path, "underlay.explained")
