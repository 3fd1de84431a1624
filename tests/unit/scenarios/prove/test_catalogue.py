"""Sabotages with mistakes: each file of ``golden`` and the exact report it must give; the published ones have none."""

from __future__ import annotations

import fnmatch
import re
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scenarios.file.errors import ScenarioError
from scenarios.file.source import read
from scenarios.prove import variables
from scenarios.prove.catalogue import CATALOGUE, load_catalogue, load_sabotage
from scenarios.prove.schema import build
from scenarios.verbs import REGISTRY

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = sorted(CATALOGUE.glob("*.yaml"))


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_report_of_mistakes(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    with pytest.raises(ScenarioError) as error:
        load_sabotage(Path(case.name))
    assert str(error.value) + "\n" == case.with_suffix(".txt").read_text(encoding="utf-8")


def test_the_published_catalogue_is_valid() -> None:
    catalogue = load_catalogue()
    assert len(catalogue) >= 40
    assert {one.id for one in catalogue} == {path.stem for path in PUBLISHED}


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_the_published_sabotages_follow_the_schema(path: Path) -> None:
    Draft202012Validator(build()).validate(read(path).data)


def test_every_verb_has_a_sabotage() -> None:
    noticing = {one.verb for loaded in load_catalogue() for one in loaded.sabotage.must_notice}
    assert noticing == set(REGISTRY)


CHECK_LINE = re.compile(r"^\w+: (.*?): expected ", re.MULTILINE)


def test_every_check_that_has_to_fail_is_one_that_a_step_had() -> None:
    recorded = Path(__file__).parents[1] / "evidence"
    had = {
        folder.name: {name for file in folder.glob("*/expected.txt") for name in CHECK_LINE.findall(file.read_text())}
        for folder in recorded.iterdir()
    }
    unknown = [
        (loaded.id, noticing.verb, noticing.check)
        for loaded in load_catalogue()
        for noticing in loaded.sabotage.must_notice
        if noticing.check and not fnmatch.filter(had[noticing.verb], noticing.check)
    ]
    assert unknown == []


def test_an_id_that_two_folders_have(tmp_path: Path) -> None:
    shutil.copy(PUBLISHED[0], tmp_path)
    with pytest.raises(ScenarioError, match=f"{PUBLISHED[0].stem!r} is the id of "):
        load_catalogue((CATALOGUE, tmp_path))


@pytest.mark.parametrize(("name", "why"), [("", "holds no sabotage"), ("missing", "is no folder")])
def test_folders_without_a_sabotage(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        load_catalogue((tmp_path / name,))


def test_all_mistakes_of_all_files_are_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"sabotage: {name}\n", encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load_catalogue((tmp_path,))
    assert {Path(finding.file).name for finding in error.value.findings} == {"one.yaml", "two.yaml", "broken.yaml"}


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("awk '{print $NF}'", set()),
        ("x=\"$(ip -o link | awk '{print $NF}')\"; echo $LAN", {"LAN"}),
        ("echo \"it's $LAN\" 'not $WAN'", {"LAN"}),
        ("# don't take $WAN\necho $LAN", {"LAN"}),
        ("echo ${LAN%#*} \\$WAN", {"LAN"}),
        ("cat <<'END'\nit's $WAN\nEND\necho $LAN", {"LAN"}),
        ("cat <<END\nit's $LAN, \\$WAN\nEND\necho '$SITE'", {"LAN"}),
    ],
)
def test_variables_that_the_shell_looks_up(script: str, names: set[str]) -> None:
    assert variables.expanded(script) == names


def test_variables_that_a_script_uses() -> None:
    assert variables.used('a=$LAN; echo "${WAN%/*} $a $PATH"', "$STEP_PORT") == {"LAN", "WAN", "STEP_PORT"}
