"""Findings in the order of the checks: what only follows from a fault that was told already is not told again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from common.findings import Fault, Path
from common.yaml_reader import Document


class Findings:
    """What is wrong with one file."""

    def __init__(self, source: Document) -> None:
        self._source = source
        self._told: set[Path] = set()
        self._above: set[Path] = set()
        self.all = list(source.findings)
        self._tell(fault.path for fault in source.faults if not isinstance(self._value(fault.path), dict | list))

    def add(self, faults: Iterable[Fault]) -> None:
        """Add what one check found, but for what stands at, above or below the place of an earlier check's fault."""
        new = [fault for fault in dict.fromkeys(faults) if not self.touch(fault.path)]
        self.all += [self._source.finding(fault) for fault in new]
        self._tell(fault.path for fault in new)

    def touch(self, path: Path) -> bool:
        """Tell whether something is wrong with the value at *path*, with a part of it or with what it is a part of."""
        return path in self._above or any(path[:length] in self._told for length in range(len(path) + 1))

    def _value(self, path: Path) -> Any:
        return reduce(lambda value, part: value[part], path, self._source.data)

    def _tell(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self._told.add(path)
            self._above |= {path[:length] for length in range(len(path))}
