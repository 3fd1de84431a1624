"""The documentation as a site: it has every page, and no link in it leads nowhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SETTINGS = "zensical.toml"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("zensical")
    return subprocess.run([program, "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False)


def copied(folder: Path) -> Path:
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / SETTINGS, folder)
    return folder


def pages(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            for target in entry.values():
                yield from [target] if isinstance(target, str) else pages(target)


def test_it_builds(tmp_path: Path) -> None:
    built = build(copied(tmp_path))
    assert built.returncode == 0, built.stdout + built.stderr
    assert "search.json" in {path.name for path in (tmp_path / "site").iterdir()}


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    for number, link in enumerate(("missing.md", "labs.md#missing")):
        folder = copied(tmp_path / str(number))
        with (folder / "docs" / "index.md").open("a") as page:
            page.write(f"\n[elsewhere]({link})\n")
        assert build(folder).returncode != 0, link


def test_it_leads_to_every_page() -> None:
    settings = tomllib.loads((ROOT / SETTINGS).read_text())
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(pages(settings["project"]["nav"])) == sorted(there)
