"""What can be wrong with a scenario, as findings that name their place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from common.findings import FileFinding, closest, listed


class ScenarioFinding(FileFinding):
    """One mistake in a scenario, with the hint on a line of its own."""

    def __str__(self) -> str:
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.path or 'scenario'}: {self.message}{hint}"


class ScenarioError(Exception):
    """A scenario that cannot run, with every finding at once."""

    def __init__(self, findings: Iterable[ScenarioFinding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda one: (*one.order, one.path, one.message, one.hint or "")))
        super().__init__("\n".join(map(str, self.findings)))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word nearest to *word*, else all of them."""
    words = _ordered(tuple(known))
    close = closest(word, words)
    return f"did you mean {close!r}?" if close else f"known here: {listed(words)}"


@lru_cache(maxsize=8)  # as many words as a file has may each be compared with as many names
def _ordered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
