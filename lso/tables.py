"""Tables for people: as wide as the terminal, and without one as wide as they are: programs get whole values."""

from __future__ import annotations

import sys

from rich.console import Console

UNCUT = 100_000
"""Columns: wider than any table."""


def console() -> Console:
    """Standard output; text of others is shown, never interpreted."""
    width = None if sys.stdout.isatty() else UNCUT
    return Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)
