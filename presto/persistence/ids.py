"""Ids for what is new: random UUIDs, made from random bytes that are fetched for many at once.

To ask the system for random bytes lets other threads run, and the one that asks waits until they have.
"""

from __future__ import annotations

import os
from collections import deque

_MANY = 256
_bytes: deque[bytes] = deque()
os.register_at_fork(after_in_child=_bytes.clear)


def new_id() -> str:
    """A random UUID (RFC 9562, version 4); may be called from any thread."""
    try:
        digits = _bytes.popleft().hex()
    except IndexError:
        block = os.urandom(16 * _MANY)
        _bytes.extend(block[start : start + 16] for start in range(0, len(block), 16))
        return new_id()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
