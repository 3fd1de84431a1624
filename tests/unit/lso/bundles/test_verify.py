"""Runs that were manipulated before they were signed: judging again finds it, for the evidence says something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles.create import create
from lso.bundles.derived import derived
from lso.bundles.errors import BundleError
from lso.bundles.keys import fingerprint
from lso.bundles.ordered import other_order
from lso.bundles.verify import Verification, verify
from reports.model import Verdict
from reports.read import load_run
from scenarios import inputs
from scenarios.load import load
from scenarios.ordering.order import create_input
from scenarios.ordering.order_items import add_items

from ....bundled import CASES, POC, recorded_run

Change = Callable[[dict[str, Any]], object]
Edit = Callable[[Change], None]


def resigned(run: Path, key: Ed25519PrivateKey) -> Verification:
    return verify(create(run, run.with_name("bundle.zip"), key).file, key.public_key())


def told(found: Verification) -> list[str]:
    return [*found.findings, *(f"{step.id}: {difference}" for step in found.steps for difference in step.differences)]


def test_every_step_is_judged_again(bundle: Path, key: Ed25519PrivateKey) -> None:
    found = verify(bundle, key.public_key())
    assert told(found) == []
    assert (found.holds, found.known, found.signed_by) == (True, True, fingerprint(key.public_key()))
    assert [step.id for step in found.steps][: len(CASES)] == list(CASES)
    assert {(step.recorded, step.judged) for step in found.steps} == {(Verdict.PASSED, Verdict.PASSED)}


def test_without_a_key_it_is_said_that_none_was_checked(bundle: Path, key: Ed25519PrivateKey) -> None:
    found = verify(bundle, None)
    assert (found.holds, found.known, found.signed_by) == (True, False, fingerprint(key.public_key()))


def test_of_another_key(bundle: Path) -> None:
    found = verify(bundle, Ed25519PrivateKey.generate().public_key())
    assert not found.holds
    assert not found.known
    assert "it was signed with the key" in told(found)[0]
    assert found.steps == ()


def test_a_run_that_failed_holds_as_a_run_that_failed(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    cases = {"S-1": "ping/failed-the-path-is-cut"}
    found = resigned(recorded_run(tmp_path / "run", cases), key)
    assert told(found) == []
    assert found.run
    assert found.run.verdict is Verdict.FAILED


def test_a_failed_step_that_is_made_to_pass(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    run = recorded_run(tmp_path / "run", {"S-1": "firewall.blocks/failed-the-near-firewall-is-open"})
    file = run / "result.json"
    document = json.loads(file.read_text())
    document["verdict"] = document["steps"][0]["verdict"] = "passed"
    for check in document["steps"][0]["checks"]:
        check.update(verdict="passed", message="")
    file.write_text(json.dumps(document))
    found = resigned(run, key)
    assert not found.holds
    assert told(found)[0].startswith("S-1: the result says passed, the evidence says failed: ")


EDITS: dict[str, tuple[Change, str]] = {
    "a verdict": (
        lambda result: [result["steps"][1].update(verdict="failed"), result.update(verdict="failed")],
        "S-2: the result says failed, the evidence says passed",
    ),
    "a message": (
        lambda result: result["steps"][1].update(message="all is well"),
        "S-2: the result tells 'all is well'",
    ),
    "a check's measure": (
        lambda result: result["steps"][1]["checks"][0].update(measured="5"),
        "S-2: check 1: the result has ",
    ),
    "a check less": (lambda result: result["steps"][0]["checks"].pop(), "the result has none; the evidence leads to "),
    "a check more": (
        lambda result: result["steps"][1]["checks"].append({"name": "more", "verdict": "passed"}),
        "the result has 'more' passed (expected , measured ); the evidence leads to none",
    ),
    "a step less": (lambda result: result["steps"].pop(1), "the result has S-1, S-3, S-4"),
    "a step of another scenario": (
        lambda result: result["steps"].append(result["steps"][1] | {"id": "X-1"}),
        "the result has the step X-1, which no such run has",
    ),
    "the last step less": (lambda result: result["steps"].pop(), "lacks the step management, which every such run"),
    "steps in another order": (lambda result: result["steps"].reverse(), "the result has S-4, S-3, S-2, S-1"),
    "a step more": (
        lambda result: result["steps"].append({**result["steps"][0], "id": "S-9", "evidence": []}),
        "S-9: the result says passed, and there is no observation that it could follow from",
    ),
    "a step elsewhere": (
        lambda result: result["steps"].append({**result["steps"][0], "id": "../evidence/S-1", "evidence": []}),
        "../evidence/S-1: the result says passed, and there is no observation",
    ),
    "a skipped step": (
        lambda result: result["steps"][1].update(verdict="skipped", message="no time"),
        "S-2: the result says skipped, the evidence says passed",
    ),
    "another verb": (
        lambda result: result["steps"][1].update(verb="traffic.tcp"),
        "S-2: the result has the verb traffic.tcp",
    ),
    "another scenario": (
        lambda result: result["scenario"].update(sha256="0" * 64),
        "inputs/scenario.yaml is not the scenario that the result names by its SHA-256",
    ),
    "a step that began before its turn": (
        lambda result: [
            result["steps"][0].update(duration_seconds=0.5),
            result["steps"][1].update(duration_seconds=0.1),
        ],
        "S-2 began 0 s after the start, when S-1 had not ended",
    ),
    "a run shorter than its steps": (
        lambda result: result["steps"][-1].update(started_seconds=0.5, duration_seconds=3),
        "management ended 3.5 s after the start of a run of 1 s",
    ),
    "a wait longer than its step": (
        lambda result: result["steps"][0].update(waits=[{"what": "x", "needed_seconds": 2, "deadline_seconds": 3}]),
        "S-1 waited longer than it lasted",
    ),
    "another goal": (
        lambda result: result.update(timings=[{"name": "whole run", "seconds": 1, "goal_seconds": 60}]),
        "the goal of 'whole run' is not the scenario's",
    ),
    "another timing": (
        lambda result: result.update(timings=[{"name": "whole run", "seconds": 0.5, "goal_seconds": 45}]),
        "'whole run' took 0.5 s in a run of 1 s",
    ),
    "a series": (
        lambda result: result["steps"][1].update(series=[{"name": "x", "unit": "Mbit/s", "x_seconds": [1], "y": [9]}]),
        "S-2: its series are not what the evidence leads to",
    ),
    "the run's verdict": (
        lambda result: result.update(verdict="skipped"),
        "says skipped of the whole run; its steps say passed",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_result_that_was_edited(run: Path, edit: Edit, key: Ed25519PrivateKey, name: str) -> None:
    change, words = EDITS[name]
    edit(change)
    found = resigned(run, key)
    assert not found.holds
    assert any(words in text for text in told(found)), told(found)


@pytest.mark.parametrize("name", ["report.html", "junit.xml", "README.md", "wireshark/esp_sa"])
def test_a_page_that_tells_something_else(
    run: Path, key: Ed25519PrivateKey, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(*given: Any) -> dict[str, bytes]:
        return {**derived(*given), name: b"passed"}

    with monkeypatch.context() as patched:
        patched.setattr("lso.bundles.create.derived", lying)
        create(run, run.with_name("bundle.zip"), key)
    assert told(verify(run.with_name("bundle.zip"), None)) == [
        f"{name} is not what follows from result.json and the evidence"
    ]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("poc-two-sites", lambda body: None),
        ("poc-two-sites", lambda body: body["input"]["swvc-service-attributes"]["policies"]["policy"].clear()),
        ("poc-two-sites", lambda body: body["input"]["end-point"].reverse()),
        ("poc-two-sites", lambda body: body.clear()),
        ("poc-two-sites-ordering", lambda body: None),
        ("poc-two-sites-ordering", lambda body: body["serviceOrderItem"].pop()),
    ],
)
def test_the_order_is_of_the_scenarios_service(tmp_path: Path, name: str, change: Callable[[Any], object]) -> None:
    loaded = load(POC.parents[1] / name)
    service = loaded.scenario.service
    body: dict[str, Any] = {"input": create_input(service, {point.site: point.site for point in service.endpoints})}
    if service.face == "mef-ordering":
        body = {"requestedStartDate": "2026-01-01T00:00:00Z", "serviceOrderItem": add_items(service)}
    original = json.dumps(body)
    change(body)
    (tmp_path / "inputs").mkdir()
    inputs.keep_order([{"method": "POST", "path": "/", "body": body}], tmp_path)
    result = load_run(recorded_run(tmp_path / "run"))
    wrong = ["inputs/order.json does not order what the scenario says"]
    assert list(other_order(loaded, tmp_path, result)) == (wrong if json.dumps(body) != original else [])


def test_a_step_that_is_made_to_be_skipped(run: Path, edit: Edit, key: Ed25519PrivateKey) -> None:
    shutil.rmtree(run / "evidence" / "S-2")
    edit(
        lambda result: result["steps"][1].update(verdict="skipped", message="S-1 did not pass", checks=[], evidence=[])
    )
    (text,) = told(resigned(run, key))
    assert text.startswith("S-2: the result says skipped, and has no reason for it")


def test_a_gate_that_failed_is_a_reason_to_skip(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    cases = {"S-1": "service.active/failed-a-vnf-stopped", "S-2": "ping/passed"}
    run = recorded_run(tmp_path / "run", cases)
    shutil.rmtree(run / "evidence" / "S-2")
    file = run / "result.json"
    document = json.loads(file.read_text())
    words = "S-1 did not pass, so there is nothing to judge"
    document["steps"][1].update(verdict="skipped", message=words, checks=[], evidence=[])
    file.write_text(json.dumps(document))
    assert told(resigned(run, key)) == []


def test_evidence_that_was_exchanged(run: Path, key: Ed25519PrivateKey) -> None:
    capture = next((run / "evidence" / "S-3").glob("*.pcap"))
    content = bytearray(capture.read_bytes())
    content[-1] ^= 1
    capture.write_bytes(content)
    found = resigned(run, key)
    assert told(found)[0].startswith("S-3: the result says passed, the evidence says failed: ")
    assert "packets found once inside the captured ESP" in told(found)[0]


def test_an_observation_of_another_question(run: Path, key: Ed25519PrivateKey) -> None:
    file = run / "evidence" / "S-2" / "step.observed.json"
    document = json.loads(file.read_text())
    document["with"]["count"] = 1
    file.write_text(json.dumps(document))
    assert any("is not what the scenario asks for in this step" in text for text in told(resigned(run, key)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"verb": "none"}', "[" * 100_000, '{"verb": "ping", "with": 1}'])
def test_an_observation_that_cannot_be_read(run: Path, key: Ed25519PrivateKey, text: str) -> None:
    (run / "evidence" / "S-2" / "step.observed.json").write_text(text)
    assert "S-2: its observation cannot be read: " in told(resigned(run, key))[0]


def test_evidence_that_is_gone(run: Path, key: Ed25519PrivateKey) -> None:
    capture = next((run / "evidence" / "S-3").glob("*.pcap"))
    capture.unlink()
    found = told(resigned(run, key))
    assert found[0] == f"S-3: evidence/S-3/{capture.name} is not there"
    assert "the evidence says error" in found[1]


@pytest.mark.parametrize("text", ["{", "steps: []", "[" * 10_000], ids=range(3))
def test_a_scenario_that_is_none(run: Path, key: Ed25519PrivateKey, text: str) -> None:
    (run / "inputs" / "scenario.yaml").write_text(text)
    found = resigned(run, key)
    assert told(found)[0].startswith("this version does not take the scenario: inputs/scenario.yaml:")
    assert len(found.steps) > len(CASES)


def test_steps_at_the_end_that_were_not_run_are_told(run: Path, edit: Edit, key: Ed25519PrivateKey) -> None:
    edit(lambda result: result["steps"].pop(3))
    found = resigned(run, key)
    assert told(found) == []
    assert found.notes == ("the run has no result of the scenario's last steps: S-4",)


def test_a_run_of_another_version_is_told(run: Path, edit: Edit, key: Ed25519PrivateKey) -> None:
    edit(lambda result: result["versions"].update({"lso-testbed": "0.0.1"}))
    found = resigned(run, key)
    assert found.holds
    assert "the run is of version 0.0.1" in found.notes[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", "1" * 5000, "[" * 100_000], ids=range(5))
def test_a_result_that_is_none_is_not_signed(run: Path, key: Ed25519PrivateKey, text: str) -> None:
    (run / "result.json").write_text(text)
    with pytest.raises(BundleError, match=r"result\.json"):
        create(run, run.with_name("bundle.zip"), key)


def test_a_folder_of_an_older_version_is_not_signed(run: Path, key: Ed25519PrivateKey) -> None:
    shutil.rmtree(run / "inputs")
    with pytest.raises(BundleError, match=r"has no inputs/scenario\.yaml: an older version wrote it"):
        create(run, run.with_name("bundle.zip"), key)


def test_links_are_not_signed(run: Path, key: Ed25519PrivateKey) -> None:
    (run / "evidence" / "S-2" / "link").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match="is a link"):
        create(run, run.with_name("bundle.zip"), key)


def test_what_lies_beside_the_report_stays_there(run: Path, key: Ed25519PrivateKey) -> None:
    (run / "mine.txt").write_text("private")
    file = create(run, run.with_name("bundle.zip"), key).file
    assert b"private" not in file.read_bytes()
    assert verify(file, None).holds


def test_a_bundle_that_cannot_be_written(run: Path, key: Ed25519PrivateKey) -> None:
    with pytest.raises(BundleError, match="No such file"):
        create(run, run / "missing" / "bundle.zip", key)
