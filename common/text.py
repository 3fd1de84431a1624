"""Text for people."""

from __future__ import annotations

import re

NOT_STORABLE = "contains NUL or an unpaired surrogate"
"""What `not_storable` finds, in the words of a message."""

STORABLE = "Leave NUL characters and lone surrogates out."
"""What to do about that."""

not_storable = re.compile("[\0\ud800-\udfff]").search
"""Finds what neither a database nor UTF-8 takes."""


def counted(count: int, noun: str) -> str:
    """`1 rule`, `3 rules`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
