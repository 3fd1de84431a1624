"""The sabotages that are still to be tried, for labs that work side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from reports.prove.model import SabotageResult, Trial
from scenarios.prove.plan import Assertion
from scenarios.prove.sabotage import LoadedSabotage, When

Key = tuple[str, ...]
"""What makes a sabotage of some steps the same in another lab of the scenario."""


@dataclass
class Tried:
    """What came of one sabotage, which the steps *concerned* must notice."""

    sabotage: LoadedSabotage
    concerned: Sequence[Assertion] = ()
    trials: list[Trial] = field(default_factory=list)
    reason: str = ""
    errors: list[str] = field(default_factory=list)
    begun: set[Key] = field(default_factory=set)

    @property
    def when(self) -> When:
        """Return when it is tried."""
        return self.sabotage.sabotage.when

    def begins(self, key: Key) -> bool:
        """Note that *key* is tried; tell whether it was not before."""
        new = key not in self.begun
        self.begun.add(key)
        return new

    def result(self) -> SabotageResult:
        """Return it for the report."""
        told = self.sabotage.sabotage
        return SabotageResult(
            id=self.sabotage.id,
            title=told.title,
            broken=told.broken,
            file=self.sabotage.file.name,
            trials=tuple(self.trials),
            reason=self.reason,
            error="; ".join(self.errors),
        )


@dataclass
class Left:
    """What nobody has tried yet: each sabotage is for one lab at a time. Those that leave traces come last."""

    ended: bool = False
    _waiting: list[Tried] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, tried: Tried) -> None:
        """Put *tried* where it belongs."""
        with self._lock:
            self._waiting.append(tried)
            self._waiting.sort(key=lambda one: one.sabotage.sabotage.lasting)

    def add_again(self, tried: Tried, keys: Iterable[Key]) -> None:
        """Put *tried* back when one of its *keys* has not begun."""
        if set(keys) - tried.begun:
            self.add(tried)

    def next(self, when: When) -> Tried | None:
        """Take the next one of that time; None when there is none, or when all is to end."""
        with self._lock:
            found = next((one for one in self._waiting if one.when == when), None)
            if not found or self.ended:
                return None
            self._waiting.remove(found)
            return found

    def first(self, turns: Sequence[When]) -> When | None:
        """Return the first of *turns* that something is left for."""
        with self._lock:
            there = {one.when for one in self._waiting}
        return next((when for when in turns if when in there and not self.ended), None)

    def worth(self, least: int) -> bool:
        """Tell whether a second lab pays: there are *least*, or some for which another one is needed anyway."""
        return len(self._waiting) >= least or len({one.when for one in self._waiting}) > 1

    def end(self) -> None:
        """Let nothing more begin."""
        self.ended = True
