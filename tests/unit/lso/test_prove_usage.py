"""What ``lso run --prove`` refuses before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

POC = str(Path(__file__).parents[3] / "scenarios" / "poc-two-sites")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "x"], "lso: --only and --sabotages are for --prove"),
        (["--sabotages", "x"], "lso: --only and --sabotages are for --prove"),
        (["--prove", "--keep"], "lso: --keep, --until, --pause-on-failure and --bundle do not go with --prove"),
        (["--prove", "--only", "x"], "lso: --only x: no such sabotage; there are "),
        (["--prove", "--sabotages", "nowhere"], "nowhere:1:1: sabotage: is no folder"),
    ],
)
def test_arguments_that_do_not_go_together(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("run", POC, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)


def test_a_sabotage_with_mistakes(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("sabotage: mine\ntitle: mine\n", encoding="utf-8")
    for ran in (lso("run", POC, "--prove", "--sabotages", str(tmp_path)), lso("validate", str(tmp_path / "mine.yaml"))):
        assert ran.code == 2
        assert f"{tmp_path / 'mine.yaml'}:1:1: actions: is missing" in ran.err
    assert ran.out == "3 findings\n"
