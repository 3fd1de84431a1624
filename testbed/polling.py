"""Wait until something holds: look at once, then again and again, never longer than a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(ready: Callable[[], T | None], deadline: float, interval: float = 0.005) -> T | None:
    """Call *ready* at once and then every *interval* seconds until it returns a true value or *deadline* seconds pass.

    Returns that value, or None when time is up; *ready* is always called one last time at the end.
    """
    end = time.monotonic() + deadline
    while True:
        late = time.monotonic() >= end
        value = ready()
        if value or late:
            return value or None
        time.sleep(min(interval, max(0.0, end - time.monotonic())))
