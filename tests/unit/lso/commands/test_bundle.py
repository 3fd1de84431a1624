"""`lso bundle`: its exit codes and what it prints; never a traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.__main__ import main
from lso.bundles.keys import PUBLIC_NAME, pem, state_folder
from lso.exits import BAD_INPUT, FAILED, PASSED

from ....bundled import recorded_run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run, where the user has no key yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    recorded_run(tmp_path / "runs" / "20260101-120000-recorded")
    return tmp_path


def test_made_and_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "create"]) == PASSED
    file = "runs/20260101-120000-recorded.zip"
    assert f"bundle: {file}, " in capsys.readouterr().out
    assert main(["bundle", "verify", file, "--public-key", str(state_folder() / PUBLIC_NAME)]) == PASSED
    printed = capsys.readouterr().out
    assert "which is the given key\nthe bundle holds" in printed
    assert main(["bundle", "verify", file]) == PASSED
    assert "which was checked against no key" in capsys.readouterr().out


def test_with_keys_of_ones_choice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = folder / "other.pem"
    other.write_bytes(pem(Ed25519PrivateKey.generate().public_key()))
    assert main(["bundle", "create", "runs/20260101-120000-recorded", "-o", "poc.zip"]) == PASSED
    assert main(["bundle", "verify", "poc.zip", "--public-key", str(other)]) == FAILED
    assert "wrong: it was signed with the key" in capsys.readouterr().out


def test_differences_are_told_as_text_and_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs" / "20260101-120000-recorded"
    result = json.loads((run / "result.json").read_text())
    result["steps"][1]["message"] = "all is well"
    (run / "result.json").write_text(json.dumps(result))
    assert main(["bundle", "create", str(run), "-o", "poc.zip"]) == PASSED
    capsys.readouterr()
    assert main(["bundle", "verify", "poc.zip"]) == FAILED
    printed = capsys.readouterr().out
    assert "wrong: S-2: the result tells 'all is well'" in printed
    (judged, same) = map(int, re.findall(r"(\d+) steps, (\d+) with the same verdict", printed)[0])
    assert (judged, same) == (len(result["steps"]), len(result["steps"]) - 1)
    assert printed.endswith("the bundle does not hold\n")
    assert main(["bundle", "verify", "poc.zip", "--json"]) == FAILED
    document = json.loads(capsys.readouterr().out)
    assert (document["holds"], document["keyChecked"], len(document["steps"])) == (False, False, judged)
    assert [step["id"] for step in document["steps"] if step["differences"]] == ["S-2"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "nowhere"],
        ["create", "--key", "nowhere.pem"],
        ["create", "-o", "nowhere/poc.zip"],
        ["verify", "nowhere.zip"],
        ["verify", "."],
        ["verify", "/dev/null"],
        ["verify", "runs/20260101-120000-recorded/result.json"],
        ["verify", "runs/20260101-120000-recorded/result.json", "--public-key", "nowhere.pem"],
    ],
    ids=" ".join,
)
def test_what_cannot_be(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["bundle", *arguments]) == BAD_INPUT
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("lso: ")
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scenarios", "--bundle", "poc.zip"], "--bundle is for one scenario; there are "),
        (["scenarios/poc-two-sites", "--bundle", "nowhere/poc.zip"], "there is no folder nowhere"),
        (["scenarios/poc-two-sites", "--prove", "--bundle", "poc.zip"], "and --bundle do not go with --prove"),
    ],
)
def test_a_run_whose_bundle_cannot_be_is_not_started(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (folder / "scenarios").symlink_to(Path(__file__).parents[4] / "scenarios")
    assert main(["run", *arguments]) == BAD_INPUT
    assert words in capsys.readouterr().err
