"""A scenario's file as plain data, with the place of everything in it."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from common.findings import FileFinding
from common.yaml_reader import Document, Limits, read_yaml
from scenarios.file.errors import ScenarioError

LIMITS = Limits(bytes=1 << 20, values=100_000)


def read(path: Path) -> Document:
    """Return the parsed file; raises ``ScenarioError`` when it cannot be read to its end."""
    name = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # it is read twice, and a pipe that nobody writes to has no end
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError(
            [FileFinding(name, 1, 1, "", f"cannot be read: {reason}", "give a scenario file or its folder")]
        ) from error
    return parse(content, name)


def parse(content: bytes, name: str) -> Document:
    """Return the parsed *content* of the file called *name*; raises ``ScenarioError`` when that is not all of it."""
    document = read_yaml(content, LIMITS, name)
    if not document.complete:
        raise ScenarioError(document.findings)
    return document
