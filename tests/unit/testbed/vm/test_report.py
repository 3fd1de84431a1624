"""What a boot leaves behind, and that a run on a fallback is no success of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.vm.errors import VmError
from testbed.vm.report import bring_out, exit_code, require_best_engines


def _engine(chosen: str) -> dict[str, str]:
    return {"capability": "datapath", "chosen": chosen, "best": "system", "reason": ""}


def _run(folder: Path, name: str, *engines: dict[str, str]) -> None:
    (folder / name).mkdir()
    (folder / name / "result.json").write_text(json.dumps({"engines": engines}))


def test_results_and_console_come_out(tmp_path: Path) -> None:
    (tmp_path / "results/poc").mkdir(parents=True)
    (tmp_path / "results/poc/result.json").write_text("{}")
    (tmp_path / "results/exit-code").write_text("1\n")
    (tmp_path / "console").write_text("booted\n")
    bring_out(tmp_path / "results", tmp_path / "console", tmp_path / "target")
    assert (tmp_path / "target/poc/result.json").read_text() == "{}"
    assert (tmp_path / "target/console.log").read_text() == "booted\n"
    assert exit_code(tmp_path / "target") == 1


def test_no_exit_code_points_to_the_console(tmp_path: Path) -> None:
    with pytest.raises(VmError, match=r"before its job ended.*console\.log"):
        exit_code(tmp_path)


def test_the_best_engines_are_fine(tmp_path: Path) -> None:
    _run(tmp_path, "poc", _engine("system"), {"capability": "memory", "chosen": "", "best": "3 GiB", "reason": "less"})
    require_best_engines(tmp_path)


@pytest.mark.parametrize(("chosen", "said"), [("netdev", "datapath: netdev instead"), ("", "datapath: none instead")])
def test_a_fallback_in_one_of_several_runs_is_named(tmp_path: Path, chosen: str, said: str) -> None:
    _run(tmp_path, "one", _engine("system"))
    _run(tmp_path, "two", _engine("system"), _engine(chosen))
    with pytest.raises(VmError, match=f"two ran with {said} of system"):
        require_best_engines(tmp_path)
