"""What a project that others join has in order: versions, the lock file, the files that people look for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, PACKAGES = CONFIGURATION["project"], CONFIGURATION["tool"]["importlinter"]["root_packages"]
EXTRAS = [text for extra in ("dev", "matrix") for text in PROJECT["optional-dependencies"][extra]]
WANTED = [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS]]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    lines = (line.split(";")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): version for name, version in pairs}


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_the_lock_file_is_within_the_ranges(wanted: Requirement) -> None:
    """`make lock` writes it anew."""
    version = locked().get(canonical(wanted.name))
    assert version is not None
    assert wanted.specifier.contains(version)


def test_the_changelog_knows_the_version() -> None:
    """The version is the newest of the changelog, or nothing has been released yet."""
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert not released or released[0] == PROJECT["version"]


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_of_the_pages_at_the_top_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    targets = {target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target}
    assert [target for target in sorted(targets) if target and not (ROOT / target).exists()] == []


def test_the_hooks_of_a_commit_are_as_their_program_wants_them() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    subprocess.run([program, "validate-config", ROOT / ".pre-commit-config.yaml"], check=True)


def test_unit_tests_mirror_the_sources() -> None:
    """Where a module is, one knows where its tests are: `tests/unit` has folders that the sources have."""
    unit = ROOT / "tests" / "unit"
    folders = {file.parent.relative_to(unit) for file in unit.rglob("test_*.py")}
    assert sorted(str(folder) for folder in folders if not (ROOT / folder).is_dir()) == []


def test_no_folder_has_more_than_twenty_modules() -> None:
    sources = [ROOT / package for package in PACKAGES]
    modules = Counter(file.parent.relative_to(ROOT) for source in sources for file in source.rglob("*.py"))
    assert {str(folder): count for folder, count in modules.items() if count > 20} == {}
