"""The run's clock: phases as they happen, in seconds since the run began."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reports.model import Phase


@dataclass
class Clock:
    """Measures phases; *on_phase* hears the name of each when it starts."""

    on_phase: Callable[[str], None]
    start: float = field(default_factory=time.monotonic)
    phases: list[Phase] = field(default_factory=list)

    def now(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self.start

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure the block as the phase *name*, however it ends."""
        self.on_phase(name)
        started = self.now()
        try:
            yield
        finally:
            self.phases.append(
                Phase(name=name, started_seconds=round(started, 3), duration_seconds=round(self.now() - started, 3))
            )
