"""`lso serve` in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[4]


@contextmanager
def started(folder: Path, inventory: Any, *, files: int = 0) -> Iterator[subprocess.Popen[str]]:
    """It may have that many files open; killed at the end if it still runs."""
    file = folder / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "lso", "serve", "--inventory", str(file), "--port", "0"]

    def limited() -> None:
        if files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=limited,  # noqa: PLW1509
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def served(folder: Path, inventory: Any, *, files: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Its address, once it serves, and the process."""
    with started(folder, inventory, files=files) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1], process
