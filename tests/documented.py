"""The commands of the documentation and of the help: where they stand, what is shown of them, and running them."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .documented_sessions import ELSEWHERE, Session

ROOT = Path(__file__).parents[1]
_DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", *(str(path.relative_to(ROOT)) for path in _DOCS))
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^ *```", re.DOTALL | re.MULTILINE)
_UNFINISHED = re.compile(r"(\\|\||&&)\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its first line, its language and its text."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command for the shell, with its continuation lines, and the output that the page shows."""

    page: str
    line: int
    text: str
    shown: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    command: Command
    code: int
    output: str


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent = len(found["indent"])
        lines = [line[indent:] for line in found["text"].splitlines()]
        yield Block(page, text.count("\n", 0, found.start()) + 2, found["language"], "\n".join(lines))


def commands(page: str) -> list[Command]:
    """All commands of a page: what stands after `$ ` in its console blocks."""
    found: list[Command] = []
    for block in blocks(page):
        if block.language == "console":
            found += _commands(block)
    return found


def _commands(block: Block) -> Iterator[Command]:
    lines = block.text.splitlines()
    position = 0
    while position < len(lines):
        if not lines[position].startswith("$ "):
            position += 1
            continue
        start = position
        text = lines[position][2:]
        while not _finished(text):
            position += 1
            text += "\n" + lines[position]
        position += 1
        end = next((n for n in range(position, len(lines)) if lines[n].startswith("$ ")), len(lines))
        yield Command(block.page, block.line + start, text, tuple(filter(None, lines[position:end])))


def _finished(text: str) -> bool:
    """Whether Bash would run it, or wait for more."""
    if _UNFINISHED.search(text):
        return False
    checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    return not any(sign in checked.stderr for sign in ("unexpected end of file", "unexpected EOF", "here-document"))


def examples(text: str, name: str) -> list[Command]:
    """The commands of a help text: the lines under `examples:`, without the words beside them."""
    found = []
    for number, line in enumerate(text.replace("\\\n", "").partition("examples:\n")[2].splitlines(), 1):
        command = re.split(r"  +(?![ -])", line.strip())[0] if line.startswith("  ") else ""
        if command:
            found.append(Command(name, number, command))
    return found


def run(name: str, session: Session, folder: Path, names: Mapping[str, str], timeout: float = 1200) -> list[str]:
    """Run the commands of a page or a help in one shell, in *folder*, which gets all of the project.

    `names` are what a test has instead of what the page says, such as ports. Returns what is not as it is shown.
    """
    for entry in ROOT.iterdir():
        if not (folder / entry.name).exists() and entry.name not in {"runs", ".git"}:
            (folder / entry.name).symlink_to(entry)
    first = Command(name, 0, f"export LSO_URL=http://127.0.0.1:8181\n{session.before}")
    wanted = [first, *(command for command in commands_of(name) if not elsewhere(command))]
    out = folder / "session"
    out.mkdir()
    script = ["set -o pipefail", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for number, command in enumerate(wanted):
        text = command.text if command is first else _changed(command.text, session.changes)
        script += [f"exec >{out}/{number}.out 2>&1", _changed(text, names), f"echo $? >{out}/{number}.code"]
    environment = {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    assert len(wanted) > 1, "no command is left"
    ran = [_ran(command, out / f"{number}.code", out / f"{number}.out") for number, command in enumerate(wanted)]
    return [told for one in ran if (told := _wrong(one, session))]


def _changed(text: str, changes: Mapping[str, str]) -> str:
    if text in changes:
        return changes[text]
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _wrong(ran: Ran, session: Session) -> str:
    text = ran.command.text
    expected = max((start for start in session.codes if text.startswith(start)), key=len, default=None)
    missing = [] if text.startswith(tuple(session.unlike)) else agrees(ran)
    if ran.code == (session.codes[expected] if expected else 0) and not missing:
        return ""
    return f"{ran.command.where}: {text}\nended with {ran.code}, lacks {missing}; it printed:\n{ran.output}"


def commands_of(name: str) -> list[Command]:
    """The commands of a page, or of the help of a verb."""
    if name in PAGES:
        return commands(name)
    return examples(importlib.import_module(f"lso.commands.{name}").EXAMPLES, name)


def elsewhere(command: Command) -> bool:
    """Whether the tests of commands leave it to others."""
    return command.text.startswith(tuple(ELSEWHERE))


def _ran(command: Command, code: Path, output: Path) -> Ran:
    """What a command left; one that was never reached has code -1."""
    if not code.exists():
        return Ran(command, -1, output.read_text(encoding="utf-8") if output.exists() else "")
    return Ran(command, int(code.read_text(encoding="utf-8")), output.read_text(encoding="utf-8"))


def agrees(ran: Ran) -> list[str]:
    """The lines that the page shows and that the command did not print, numbers and identifiers aside."""
    printed = {_form(line) for line in ran.output.splitlines()}
    return [line for line in ran.command.shown if not _left_out(line) and _form(line) not in printed]


def _left_out(line: str) -> bool:
    return "…" in line


_CHANGING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]*[0-9][0-9a-f]*\b|[0-9.]+|lso_[\w-]+|\s+"
)


def _form(line: str) -> str:
    try:
        document = json.loads(line)
    except ValueError:
        return _CHANGING.sub("~", line.strip())
    return json.dumps(_shape(document), sort_keys=True)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        shapes = [_shape(part) for part in value]
        return [shape for position, shape in enumerate(shapes) if shape not in shapes[:position]]
    return "~"
