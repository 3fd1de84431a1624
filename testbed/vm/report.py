"""What a boot leaves: its results, its exit code, and whether the engines were those that the machine is made for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from testbed.vm.errors import VmError

ENGINES = ("esp", "datapath", "impairment", "cgroup")


def bring_out(results: Path, console: Path, target: Path) -> None:
    """Copy what the job left, and the machine's console, to *target*."""
    shutil.copytree(results, target, dirs_exist_ok=True, symlinks=True)
    if console.exists():
        shutil.copy2(console, target / "console.log")


def exit_code(target: Path) -> int:
    """Return the exit code of the job; ``VmError`` when there is none."""
    written = target / "exit-code"
    if not written.exists():
        raise VmError(f"the machine went off before its job ended; its console is in {target / 'console.log'}")
    return int(written.read_text())


def require_best_engines(target: Path) -> None:
    """Look into the results of all runs: ``VmError`` when one was not made with the best engine of each capability."""
    worse = [
        f"{path.parent.name} ran with {engine['capability']}: {engine['chosen'] or 'none'} instead of {engine['best']}"
        for path in sorted(target.glob("*/result.json"))
        for engine in json.loads(path.read_text())["engines"]
        if engine["capability"] in ENGINES and engine["chosen"] != engine["best"]
    ]
    if worse:
        raise VmError(f"the machine has every best engine, but {'; '.join(worse)}")
