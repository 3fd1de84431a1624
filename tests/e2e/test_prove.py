"""``lso run --prove``: sabotages are noticed, one that does nothing makes an assertion vacuous, no lab is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from breaking import POC

from lso.__main__ import main
from reports.prove import ProveResult, Status
from scenarios.file.source import read
from scenarios.prove import run as proving
from testbed.ownership.lease import LABS

IDLE = {
    "sabotage": "idle",
    "title": "Nothing is broken",
    "broken": "Nothing at all.",
    "must_notice": ["ping"],
    "actions": [{"where": "near", "do": "true", "undo": "true"}],
}
FOR_EVER = {
    "sabotage": "for-ever",
    "title": "What is not undone",
    "broken": "The LAN port of the first site is down, and nobody takes it up again.",
    "must_notice": ["ping"],
    "actions": [{"where": "first", "do": "ip link set $LAN_PORT down", "undo": "true"}],
}
CANNOT = {
    "sabotage": "cannot",
    "title": "A command that fails",
    "broken": "Nothing.",
    "must_notice": ["ping"],
    "actions": [{"where": "first/firewall", "do": "echo no such thing >&2; exit 7", "undo": "true"}],
}


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Three steps of the PoC, in a scenario with a WAN port that the service does not use."""
    content = read(POC / "scenario.yaml").data
    content["topology"]["underlays"]["mpls"] = {"prefix": "203.0.113.0/29"}
    content["topology"]["sites"]["site-a"]["wan"]["wan1"] = {"underlay": "mpls", "address": "203.0.113.1"}
    content["scenario"] = f"prove-{os.getpid()}"
    content["steps"] = [step for step in content["steps"] if step["id"] in {"POC-01", "POC-03", "POC-08"}]
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def arguments(scenario: Path, *mine: dict[str, Any], only: tuple[str, ...]) -> list[str]:
    """Return the command line that proves *scenario* with sabotages of the catalogue and of the user."""
    folder = scenario.parent / "mine"
    folder.mkdir()
    for sabotage in mine:
        (folder / f"{sabotage['sabotage']}.yaml").write_text(yaml.safe_dump(sabotage), encoding="utf-8")
    chosen = [word for name in (*only, *(str(one["sabotage"]) for one in mine)) for word in ("--only", name)]
    report = str(scenario.parent / "report")
    return ["run", str(scenario), "--prove", "--report", report, "--sabotages", str(folder), *chosen]


def proved(scenario: Path) -> ProveResult:
    return ProveResult.model_validate_json((scenario.parent / "report" / "prove.json").read_text(encoding="utf-8"))


def test_what_does_nothing_is_missed_and_all_else_is_noticed(scenario: Path) -> None:
    only = ("vnf-paused", "path-echo-one-way", "firewall-open-at-both-sites", "beside-on-another-*")
    assert main(arguments(scenario, IDLE, only=only)) == 1
    result = proved(scenario)
    noticed = {(one.id, trial.step): trial.noticed for one in result.sabotages for trial in one.trials}
    assert noticed == {
        ("vnf-paused", "POC-01"): True,
        ("path-echo-one-way", "POC-03"): True,
        ("firewall-open-at-both-sites", "POC-08"): True,
        ("beside-on-another-underlay", "underlay"): True,
        ("idle", "POC-03"): False,
    }
    statuses = {one.id: one.status for one in result.assertions}
    steps = dict.fromkeys(("POC-01", "POC-08", "underlay"), Status.PROVEN) | {"POC-03": Status.VACUOUS}
    assert {name: statuses.pop(name) for name in steps} == steps
    assert set(statuses.values()) == {Status.UNPROVEN}, "those that each run has beside the scenario's"
    assert all(trial.restored_seconds is not None for trial in result.trials)
    checks = {trial.step: trial.check for trial in result.trials if trial.noticed}
    assert checks["POC-08"] == "packets from the LAN that left the firewall of site-a"
    evidence = scenario.parent / "report" / "evidence"
    assert all((evidence / trial.evidence / "step.observed.json").exists() for trial in result.trials)
    assert (scenario.parent / "report" / "prove.html").exists()


def test_another_lab_where_one_could_not_be_restored(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "RESTORE_SECONDS", 2.0)
    monkeypatch.setattr(proving, "WORTH_A_LAB", 2)  # two labs side by side
    command = arguments(scenario, FOR_EVER, CANNOT, only=())
    assert main([*command, "--only", "path-echo-one-way"]) == 3
    result = proved(scenario)
    told = {one.id: one.error for one in result.sabotages}
    assert told["for-ever"].startswith("the network was not restored: POC-03 failed ")
    assert told["cannot"] == "site-a/firewall: exit 7: no such thing"
    assert told["path-echo-one-way"] == ""
    assert {one.id: [trial.noticed for trial in one.trials] for one in result.sabotages} == {
        "for-ever": [True],
        "cannot": [],
        "path-echo-one-way": [True],
    }


def test_an_interruption_leaves_no_lab_and_says_what_it_knows(scenario: Path) -> None:
    command = [sys.executable, "-m", "lso", *arguments(scenario, IDLE, only=("path-echo-one-way",))]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    for line in child.stdout:
        if line.startswith("sabotages"):
            child.send_signal(signal.SIGINT)
            break
    child.stdout.read()
    assert child.wait(60) == 130
    assert proved(scenario).interrupted
    assert list(LABS.glob(f"prove-{os.getpid()}-*")) == []
