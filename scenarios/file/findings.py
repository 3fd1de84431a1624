"""Findings in the order of the checks: what only follows from a fault that was told already is not told again."""

from __future__ import annotations

from collections.abc import Iterable

from scenarios.file.errors import ScenarioFinding
from scenarios.file.source import Path_, Source, dotted

Fault = tuple[Path_, str, str]
"""A place in the file, what is wrong there and what to do about it."""


class Findings:
    """What is wrong with one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._told: set[Path_] = set()
        self._above: set[Path_] = set()
        self.all = [
            ScenarioFinding(source.file, fault.line, fault.column, dotted(fault.path), fault.message, fault.hint)
            for fault in source.faults
        ]
        self._tell(fault.path for fault in source.faults if not isinstance(source.value(fault.path), dict | list))

    def add(self, faults: Iterable[Fault]) -> None:
        """Add what one check found, but for what stands at, above or below the place of an earlier check's fault."""
        new = [fault for fault in dict.fromkeys(faults) if not self.touch(fault[0])]
        self.all += [self._source.finding(*fault) for fault in new]
        self._tell(path for path, _, _ in new)

    def touch(self, path: Path_) -> bool:
        """Tell whether something is wrong with the value at *path*, with a part of it or with what it is a part of."""
        return path in self._above or any(path[:length] in self._told for length in range(len(path) + 1))

    def _tell(self, paths: Iterable[Path_]) -> None:
        for path in paths:
            self._told.add(path)
            self._above |= {path[:length] for length in range(len(path))}
