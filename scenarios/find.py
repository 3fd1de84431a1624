"""The scenarios that a path stands for: itself, or all below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scenarios.load import FILE_NAME


def find(path: Path) -> list[Path]:
    """Return *path* when it is a scenario, and else all folders below it that hold one, in order of their names.

    What is hidden is not looked into. Where nothing is found it is *path* itself, for `load` to say what is wrong.
    """
    if not path.is_dir() or (path / FILE_NAME).exists():
        return [path]
    return [folder for folder in folders(path) if (folder / FILE_NAME).exists()] or [path]


def folders(path: Path) -> Iterator[Path]:
    """Yield the folder *path* and those below it in order of their names, but for what is hidden; none for a file."""
    for folder, names, _files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(folder)
