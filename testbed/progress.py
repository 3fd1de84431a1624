"""Progress of long work as values: what is being done, and when since its start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One step forward; *seconds* counts from the start of the work that *phase* belongs to."""

    phase: str
    text: str
    seconds: float


Listener = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Ignore the progress."""


@dataclass
class Clock:
    """Tells a listener of each step and keeps how long each phase took (``phases``: name → seconds)."""

    listener: Listener = silent
    started: float = field(default_factory=time.monotonic)
    phases: dict[str, float] = field(default_factory=dict)
    _last: float | None = None

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def tell(self, phase: str, text: str) -> None:
        """Report *text* as part of *phase*."""
        self.listener(Progress(phase, text, self.elapsed()))

    def done(self, phase: str, text: str) -> None:
        """Report that *phase* has ended; it lasted since the phase before it ended."""
        now = self.elapsed()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - (self._last or 0.0)
        self._last = now
        self.listener(Progress(phase, text, now))
