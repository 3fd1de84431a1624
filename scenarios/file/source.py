"""A scenario's file as plain data, with the place of everything in it."""

from __future__ import annotations

import errno
import stat
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from common.yaml_reader import Fault, Limits, read_yaml
from scenarios.file.errors import ScenarioError, ScenarioFinding

LIMITS = Limits(bytes=1 << 20, values=100_000)
Path_ = tuple[str | int, ...]


@dataclass
class Source:
    """A parsed file: its data, the line and column (1-based) of each value by path, and values that YAML has not."""

    file: str
    data: Any
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def value(self, path: Path_) -> Any:
        """Return the value at *path*."""
        return reduce(lambda value, part: value[part], path, self.data)

    def finding(self, path: Path_, message: str, hint: str = "") -> ScenarioFinding:
        """Return a finding at *path*, or at the nearest parent that stands in the file."""
        place = path
        while place and place not in self.marks:
            place = place[:-1]
        line, column = self.marks.get(place, (1, 1))
        return ScenarioFinding(self.file, line, column, dotted(path), message, hint)


def dotted(path: Path_) -> str:
    """Return *path* in the form ``steps[2].with.between``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path) -> Source:
    """Return the parsed file; raises ``ScenarioError`` when it cannot be read to its end."""
    name = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # it is read twice, and a pipe that nobody writes to has no end
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError(
            [ScenarioFinding(name, 1, 1, "", f"cannot be read: {reason}", "give a scenario file or its folder")]
        ) from error
    return parse(content, name)


def parse(content: bytes, name: str) -> Source:
    """Return the parsed *content* of the file called *name*; raises ``ScenarioError`` when that is not all of it."""
    parsed = read_yaml(content, LIMITS)
    if not parsed.complete:
        raise ScenarioError(
            ScenarioFinding(name, fault.line, fault.column, dotted(fault.path), fault.message, fault.hint)
            for fault in parsed.faults
        )
    return Source(name, parsed.data, parsed.marks, parsed.faults)
