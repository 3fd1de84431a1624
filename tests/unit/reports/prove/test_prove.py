"""What proving found, as a value, a page and a table: an assertion that misses a sabotage is vacuous."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reports.model import Scenario, Verdict
from reports.prove import Assertion, ProveResult, SabotageResult, Status, Trial, write_prove_report
from reports.prove.console import ProveConsole
from reports.prove.model import status
from reports.prove.page import headline, render_prove_html
from reports.schema import prove_schema

from ..page_reader import PageReader

NOTICED = Trial(step="S-1", verdict=Verdict.FAILED, check="lost", message="all lost", seconds=1.5, restored_seconds=0.2)
MISSED = Trial(step="S-1", verdict=Verdict.PASSED, message="fine", seconds=1)
CUT = SabotageResult(id="cut", title="Cut", broken="A link is <b>down</b>.", trials=(NOTICED,))
IDLE = SabotageResult(id="idle", title="Idle", broken="Nothing.", trials=(MISSED,))
UNTRIED = SabotageResult(id="untried", title="Untried", broken="Nothing.", reason="needs a meter")


def result(*sabotages: SabotageResult, **more: Any) -> ProveResult:
    trials = [trial for one in sabotages for trial in one.trials]
    step = Assertion(id="S-1", verb="ping", title="A ping", status=status("S-1", trials))
    given = {"assertions": (step,), "sabotages": sabotages, "duration_seconds": 3, **more}
    return ProveResult(
        run_id="run", scenario=Scenario(id="s", title="A title"), started_at=datetime(2026, 1, 1, tzinfo=UTC), **given
    )


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        ([], Status.UNPROVEN),
        ([Verdict.FAILED], Status.PROVEN),
        ([Verdict.FAILED, Verdict.FAILED], Status.PROVEN),
        ([Verdict.FAILED, Verdict.PASSED], Status.VACUOUS),
        ([Verdict.ERROR], Status.VACUOUS),
        ([Verdict.SKIPPED], Status.VACUOUS),
    ],
)
def test_only_a_failure_notices(verdicts: list[Verdict], wanted: Status) -> None:
    other = Trial(step="another", verdict=Verdict.PASSED)
    assert status("step", [*(Trial(step="step", verdict=verdict) for verdict in verdicts), other]) is wanted


@pytest.mark.parametrize(
    ("demanded", "noticed"), [("", True), ("lost", True), ("l*", True), ("*found*", False), ("LOST", False)]
)
def test_a_check_that_is_demanded_has_to_fail_itself(demanded: str, noticed: bool) -> None:
    assert NOTICED.model_copy(update={"demanded": demanded}).noticed is noticed


@pytest.mark.parametrize(
    ("found", "verdict", "told"),
    [
        (result(CUT), Verdict.PASSED, "1 sabotage tried, each was noticed by every assertion that must."),
        (result(CUT, IDLE), Verdict.FAILED, "1 assertion did not notice a sabotage: S-1."),
        (
            result(UNTRIED),
            Verdict.FAILED,
            "No assertion is vacuous; for S-1 the catalogue has no sabotage that applies.",
        ),
        (result(UNTRIED, complete=False), Verdict.SKIPPED, "0 sabotages tried, each was noticed"),
        (result(CUT, error="no lab"), Verdict.ERROR, "The test-bed had an error"),
        (result(CUT, interrupted=True), Verdict.ERROR, "Interrupted after 1 trial."),
        (result(CUT.model_copy(update={"error": "not restored"}), IDLE), Verdict.ERROR, "1 assertion did not notice"),
    ],
    ids=["noticed", "vacuous", "unproven", "chosen", "trouble", "interrupted", "not-restored"],
)
def test_the_verdict_of_the_whole(found: ProveResult, verdict: Verdict, told: str) -> None:
    assert found.verdict is verdict
    assert headline(found).startswith(told)


def test_it_is_written_as_the_schema_says_and_read_back(tmp_path: Path) -> None:
    found = result(CUT, IDLE, UNTRIED)
    paths = write_prove_report(found, tmp_path)
    text = paths.result.read_text(encoding="utf-8")
    document = ProveResult.model_validate_json(text)
    assert document == found
    Draft202012Validator(prove_schema()).validate(document.model_dump(mode="json"))
    assert '"noticed": false' in text and '"verdict": "failed"' in text


def test_the_page_shows_what_is_vacuous_in_red_and_interprets_nothing() -> None:
    page = render_prove_html(result(CUT, IDLE, UNTRIED))
    elements = PageReader(page).elements
    rows = [
        it.attributes["class"] for it in elements if it.tag == "tr" and it.attributes.get("class", "").startswith("v-")
    ]
    assert rows == ["v-passed", "v-failed", "v-skipped"]
    assert "&lt;b&gt;down" in page and "needs a meter" in page
    links = {it.attributes["href"] for it in elements if "href" in it.attributes}
    assert {link for link in links if not link.startswith("#")} == {"data:,", "prove.json"}


def test_what_the_terminal_shows() -> None:
    stream = io.StringIO()
    with ProveConsole(stream, clock=lambda: 0) as console:
        console.on_sabotage("cut", "Cut")
        console.on_trial("cut", NOTICED)
        console.on_trial("idle", MISSED)
        console.on_trial("cut", NOTICED.model_copy(update={"demanded": "all *"}))
        console.on_sabotage_trouble("cut", "exit 1")
        console.prove_summary(result(CUT, IDLE, UNTRIED), Path("runs/x"))
    lines = [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]
    assert lines == [
        "  noticed  cut – S-1  1.50 s  lost",
        "  MISSED   idle – S-1  1.00 s  passed: fine",
        "  MISSED   cut – S-1  1.50 s  failed by 'lost', not by 'all *'",
        "  error    cut  exit 1",
        "Status    Step      Sabotages  Missed",
        "vacuous   S-1 ping  2          1",
        "missed: idle by S-1",
        "not tried: untried: needs a meter",
        "failed: 1 assertion did not notice a sabotage: S-1. 2 trials in 3.00 s",
        "report: runs/x/prove.html",
    ]
