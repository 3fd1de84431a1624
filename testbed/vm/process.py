"""Run a program that takes minutes: its output goes to a log, and nothing of it outlives this process."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.vm.errors import VmError

# A process-id and a mount namespace of its own: whoever ends this process, even by SIGKILL, ends all of them.
LEASH = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def run(command: Sequence[str], log: Path, on_line: Callable[[str], object] = lambda _line: None) -> None:
    """Run *command*, add its output to *log* and call *on_line* with each line; ``VmError`` when it fails."""
    lines: list[str] = []
    process = subprocess.Popen(
        [*LEASH, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        with log.open("a") as output, process:
            for line in process.stdout or ():
                output.write(line)
                lines.append(line)
                on_line(line.rstrip("\n"))
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        raise VmError(f"{command[0]} ended with code {process.returncode}: {complaint(lines)}; its output is in {log}")


def complaint(lines: Sequence[str]) -> str:
    """Return the first line with an error, else the last line that is not empty."""
    texts = [line.strip() for line in lines if line.strip()]
    errors = [line for line in texts if re.search(r"\berror\b|^E:", line, re.IGNORECASE)]
    return next(iter((*errors[:1], *texts[-1:])), "it said nothing")
