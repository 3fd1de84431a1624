"""What the front end says about wrong templates, word for word.

Each case is a template `golden/<case>.yaml`, inputs for it in `<case>.inputs` where it needs some, and the report in
`<case>.txt`. `LSO_UPDATE_GOLDEN=1` writes the reports anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from common.findings import FileFinding
from orchestrator.tosca import validate

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml") if path.stem != "vnfs")


@pytest.fixture(autouse=True)
def beside_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have the paths as they are given: `golden/<case>.yaml`."""
    monkeypatch.chdir(GOLDEN.parent)


def found(case: str) -> tuple[FileFinding, ...]:
    inputs = GOLDEN / f"{case}.inputs"
    values = yaml.safe_load(inputs.read_text()) if inputs.exists() else None
    return validate(Path(GOLDEN.name) / f"{case}.yaml", values)


def report(case: str) -> str:
    return "".join(f"{finding}\n" for finding in found(case))


@pytest.mark.parametrize("case", CASES)
def test_report(case: str) -> None:
    expected = GOLDEN / f"{case}.txt"
    if os.environ.get("LSO_UPDATE_GOLDEN"):
        expected.write_text(report(case))
    assert report(case) == expected.read_text()


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_findings(case: str) -> None:
    assert (GOLDEN / f"{case}.txt").read_text().strip()


@pytest.mark.parametrize("case", CASES)
def test_findings_in_files_have_places_inside_them(case: str) -> None:
    for finding in found(case):
        if finding.file == "inputs":
            assert finding.line is None
            assert finding.path
        else:
            lines = (GOLDEN.parent / finding.file).read_text().splitlines()
            assert finding.line is not None
            assert 1 <= finding.line <= len(lines) + 1
