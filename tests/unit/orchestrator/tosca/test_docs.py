"""What the documentation shows is what the program prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import orchestrator
from lso.__main__ import main
from lso.exits import BAD_INPUT
from orchestrator.model import TemplateError
from orchestrator.tosca import Catalogue, validate

DOCUMENT = (Path(orchestrator.__file__).parent.parent / "docs/templates.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
TEMPLATE, INPUTS = [text for language, text in BLOCKS if language == "yaml"]
_PICTURE, TEMPLATE_REPORT, INPUTS_REPORT = [text for language, text in BLOCKS if not language]


def test_the_template_gets_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("sites")
    folder.mkdir()
    (folder / "my-site.yaml").write_text(TEMPLATE)
    assert "".join(f"{finding}\n" for finding in validate(folder / "my-site.yaml")) == TEMPLATE_REPORT


def test_lso_validate_prints_the_report_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = re.search(r"`lso (validate sites/my-site\.yaml)`", DOCUMENT.partition("## Checking")[2])
    assert command is not None
    monkeypatch.chdir(tmp_path)
    Path("sites").mkdir()
    Path("sites/my-site.yaml").write_text(TEMPLATE)
    assert main(command[1].split()) == BAD_INPUT
    assert capsys.readouterr().err == TEMPLATE_REPORT


def test_the_inputs_get_the_report() -> None:
    with pytest.raises(TemplateError) as caught:
        Catalogue().compile("poc-site", yaml.safe_load(INPUTS))
    assert f"{caught.value}\n" == INPUTS_REPORT


def test_the_table_of_inputs_is_complete() -> None:
    topology = Catalogue().template("poc-site").topology
    assert topology is not None
    table = DOCUMENT.partition("## Inputs of `poc-site`")[2].partition("## ")[0]
    listed = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert listed == list(topology.inputs)
