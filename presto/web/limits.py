"""What a request's body may cost."""

from __future__ import annotations

LARGEST_BODY = 1 << 20
"""Bytes: an order with a thousand applications is below 300,000."""

BODY_PATIENCE = 30.0
"""Seconds that a body may take to arrive."""


MOST_VALUES = 50_000
"""Values in a body, whatever its bytes: each may be wrong by itself and is looked at."""

LARGE_BODY = 64 << 10
"""Bytes from which on a body is read on a thread, and worked on when no other large one is."""

LONGEST_NAME = 256
"""Characters of a member's name, which everything that is wrong below it repeats."""


class BodyTooBig(Exception):
    """More arrived than is taken, as the text says; nothing of it was used."""
