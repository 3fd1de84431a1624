"""Wait until something holds: look at once, then again and again, never longer than a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(ready: Callable[[], T | None], deadline: float, interval: float = 0.005, looks: int = 1) -> T | None:
    """Call *ready* at once and then every *interval* seconds until it returns a true value or *deadline* seconds pass.

    Returns that value, or None when time is up; *ready* is always called one last time at the end, and *looks* times
    at least: on a busy machine a single call may take all the time.
    """
    end, looked = time.monotonic() + deadline, 0
    while True:
        late = time.monotonic() >= end
        value, looked = ready(), looked + 1
        if value or (late and looked >= looks):
            return value or None
        time.sleep(interval if late else min(interval, max(0.0, end - time.monotonic())))
