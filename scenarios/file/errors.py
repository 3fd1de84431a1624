"""A scenario or sabotage that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable

from common.findings import FileFinding


class ScenarioError(Exception):
    """A scenario that cannot run, with every finding at once."""

    def __init__(self, findings: Iterable[FileFinding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda one: (*one.order, one.path, one.message, one.hint)))
        super().__init__("\n".join(map(str, self.findings)))
