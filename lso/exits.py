"""Exit codes of every command, and how an exception becomes one."""

from __future__ import annotations

PASSED = 0
FAILED = 1
BAD_INPUT = 2
ERROR = 3
INTERRUPTED = 130


class UsageError(Exception):
    """The arguments are of the right form but name something that is not there; its text is for the user."""
