"""Text for people."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 rule`, `3 rules`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
