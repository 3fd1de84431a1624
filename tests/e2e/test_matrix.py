"""A matrix of two cells, one of which must not connect. What becomes of a killed worker is in test_parallel.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lso.__main__ import main
from lso.exits import FAILED, PASSED

ROOT = Path(__file__).parents[2]
BASE = ROOT / "scenarios" / "matrix" / "two-sites.yaml"
MATRIX = """\
matrix: two
base: base.yaml
axes:
  pair: {{kind: ipsec, sites: [site-a, site-b], products: [{product}]}}
  option:
    values:
      - id: psk
        change:
          authentication: psk
          steps: {{encrypted: null, decrypts: null, tcp: null, allowed: null, blocked: null}}
      - id: wrong-key
        expect: fails-to-connect
        change: {{authentication: psk, inputs: {{site-b: {{peers: {{psk: another-key}}}}}}}}
negative_steps:
  - {{id: refused, verb: ipsec.refused, with: {{from: a1, to: b1, destination_port: 9001}}}}
"""
PRODUCT = "strongswan"
CELLS = [f"{PRODUCT}-{PRODUCT}--psk", f"{PRODUCT}-{PRODUCT}--wrong-key"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the matrix that has run."""
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "base.yaml").write_text(BASE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "two.yaml").write_text(MATRIX.format(product=PRODUCT), encoding="utf-8")
    command = [sys.executable, "-m", "lso", "matrix", str(folder / "two.yaml"), "--report", str(folder / "grid")]
    ran = subprocess.run([*command, "--labs", "2"], cwd=ROOT, env=_own_state(folder), check=False, timeout=900)
    assert ran.returncode == PASSED
    return folder / "grid"


def _own_state(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder), "PYTHONPATH": str(ROOT)}


def result(grid: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((grid / "matrix.json").read_text(encoding="utf-8"))
    return found


def test_every_cell_is_as_expected(grid: Path) -> None:
    cells = {cell["id"]: cell for cell in result(grid)["cells"]}
    assert list(cells) == CELLS
    assert [cell["outcome"] for cell in cells.values()] == ["passed", "passed"]
    assert all(cell["bundle"] for cell in cells.values())


def test_a_negative_cell_says_why_in_one_line_out_of_both_logs(grid: Path) -> None:
    message = result(grid)["cells"][1]["message"]
    assert message.startswith("no tunnel, and none of 20 canaries crossed: site-a: ")
    assert "site-b: " in message
    assert "its log does not say why" not in message
    assert "\n" not in message


def test_the_page_has_both_sides_logs_and_leads_to_the_reports(grid: Path) -> None:
    page = (grid / "matrix.html").read_text(encoding="utf-8")
    for cell in CELLS:
        assert f'href="cells/{cell}/report.html"' in page
        assert (grid / "cells" / cell / "report.html").exists()
    for site in ("site-a", "site-b"):
        assert f"evidence/refused/{site}.log.txt" in page
        assert f"state/before-removal/{site}/ipsec.log.txt" in page


def test_the_grid_is_judged_again_from_its_bundles(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--rejudge", str(grid)]) == PASSED
    assert "judged again from bundles: 2 cells, 2 with the same outcome and message" in capsys.readouterr().out


def test_cells_that_have_ended_are_kept(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = result(grid)["cells"]
    assert main(["matrix", str(grid.parent / "two.yaml"), "--resume", str(grid)]) == PASSED
    assert result(grid)["cells"] == before


def test_a_bundle_that_was_changed_is_an_error(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = grid / "cells" / CELLS[0] / "bundle.zip"
    octets = bundle.read_bytes()
    bundle.write_bytes(octets.replace(b'"verdict": "passed"', b'"verdict": "failed"', 1))
    try:
        assert main(["matrix", "--rejudge", str(grid)]) == FAILED
    finally:
        bundle.write_bytes(octets)
    assert (
        f"{CELLS[0]}: passed was told, its bundle leads to error: its bundle does not hold" in capsys.readouterr().out
    )
