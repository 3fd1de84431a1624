"""Run many command lines in one network with few processes; one that fails does not keep the others from running."""

from __future__ import annotations

import re
import secrets
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from testbed.host.namespace import Namespace

# What one ``ip -batch`` takes: words that print nothing when they work, without anything that a shell would look at.
BATCHED = re.compile(r"ip (address|link|neighbour|route) (add|flush|replace|set) [\w ./:@,=-]*")
LATER = re.compile(r"ip (route|neighbour) ")  # they need what the others make: interfaces that are up, with addresses
TIMEOUT = 60.0
MARK = "link show dev lo"  # prints a line after each line that worked, whatever way the next one ends the program


@dataclass(frozen=True)
class Outcome:
    """The result of one line: whether it *worked*, and what it *printed* on both outputs."""

    line: str
    worked: bool
    printed: str = ""


def in_order(lines: Iterable[str]) -> list[str]:
    """Return *lines* with routes and neighbours last: they can be named before the addresses that they need."""
    return sorted(lines, key=lambda line: bool(LATER.match(line)))


def too_early(outcomes: Iterable[Outcome]) -> set[str]:
    """Return the lines to run once more when addresses follow: new ones would take routes that exist with the old."""
    return {done.line for done in outcomes if LATER.match(done.line) and (not done.worked or " replace " in done.line)}


def run_each(lines: Iterable[str], namespace: Namespace | None) -> list[Outcome]:
    """Run *lines* in *namespace* (None: the machine's own network) in their order; return what became of each."""
    outcomes: list[Outcome] = []
    for batched, group in groupby(lines, lambda line: bool(BATCHED.fullmatch(line))):
        outcomes += (_batch if batched else _shell)(list(group), namespace)
    return outcomes


def _batch(lines: Sequence[str], namespace: Namespace | None) -> list[Outcome]:
    outcomes: list[Outcome] = []
    todo = list(lines)
    while todo:
        text = "".join(f"{line.removeprefix('ip ')}\n{MARK}\n" for line in todo)
        done = _run(["ip", "-oneline", "-batch", "-"], namespace, text, subprocess.PIPE)
        good = min(done.stdout.count("\n"), len(todo))
        outcomes += [Outcome(line, worked=True) for line in todo[:good]]
        if good < len(todo):
            outcomes.append(
                Outcome(todo[good], worked=False, printed=re.sub(r"Command failed -:\d+\n", "", done.stderr))
            )
        todo = todo[good + 1 :]
    return outcomes


def _shell(lines: Sequence[str], namespace: Namespace | None) -> list[Outcome]:
    mark = secrets.token_hex(8)
    text = "".join(f"(eval {shlex.quote(line)}) </dev/null\necho {mark} $?\n" for line in lines)
    printed = _run(["sh"], namespace, text, subprocess.STDOUT).stdout
    parts = re.split(rf"{mark} (\d+)\n", printed)
    return [Outcome(line, code == "0", out) for line, out, code in zip(lines, parts[::2], parts[1::2], strict=False)]


def _run(argv: list[str], namespace: Namespace | None, text: str, errors: int) -> subprocess.CompletedProcess[str]:
    command = namespace.command(argv) if namespace else argv
    return subprocess.run(
        command, input=text, stdout=subprocess.PIPE, stderr=errors, text=True, check=False, timeout=TIMEOUT
    )
