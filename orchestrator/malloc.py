"""How the C library keeps memory that is free."""

from __future__ import annotations

import ctypes

_ARENA_MAX = -8  # malloc.h: M_ARENA_MAX


def one_arena() -> None:
    """Have all threads that begin from now on share one arena.

    Each of several would keep free what the others ask the system for; Python runs one thread at a time anyway.
    Does nothing where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_ARENA_MAX, 1)
