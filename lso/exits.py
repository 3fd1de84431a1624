"""Exit codes of every command, and how an exception becomes one."""

from __future__ import annotations

import contextlib
import sys

PASSED = 0
FAILED = 1
BAD_INPUT = 2
ERROR = 3
INTERRUPTED = 130


class UsageError(Exception):
    """The arguments are of the right form but name something that is not there; its text is for the user."""


def reason(error: Exception) -> str:
    """Return why a file could not be read or written, in words alone: the system's number helps nobody."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return getattr(error, "strerror", None) or str(error)


def tell_the_end(words: str) -> None:
    """Say how it ended on standard error; on a terminal on a line of its own, for ``^C`` stands on this one."""
    with contextlib.suppress(OSError):  # the terminal can be gone
        print(f"\nlso: {words}" if sys.stderr.isatty() else f"lso: {words}", file=sys.stderr)
