"""What proving a scenario found: the sabotages that were tried, and which assertion noticed each, by what and when.

`prove.json` holds it. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import AwareDatetime, Field, computed_field, model_validator

from reports.model import Scenario, Seconds, Verdict
from reports.topology import Record

SCHEMA_VERSION: Literal["1"] = "1"


class _Derived(Record):
    """A record that shows what follows from its fields, too, and passes over that when it is read back."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        derived = cls.model_computed_fields
        return {key: item for key, item in value.items() if key not in derived} if isinstance(value, dict) else value


class Trial(_Derived):
    """One assertion in one broken network. It noticed when it *failed*: an error or a skipped step notices nothing.

    `check` is the check by which it noticed, else the first that failed, `message` what the step said. Where there is
    `demanded`, a pattern of a check's name, the failure of other checks notices nothing. `restored_seconds` is how
    long it took until the assertion held again after the sabotage was undone, None when it did not.
    """

    step: str
    verdict: Verdict
    check: str = ""
    demanded: str = ""
    message: str = ""
    seconds: Seconds = 0
    restored_seconds: Seconds | None = None
    evidence: str = Field(default="", description="folder of what the step observed, below evidence/")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def noticed(self) -> bool:
        """Whether the assertion told that the network was wrong."""
        return self.verdict is Verdict.FAILED and (not self.demanded or fnmatchcase(self.check, self.demanded))


class SabotageResult(Record):
    """A sabotage of the catalogue: `trials` of it, or the `reason` why it was not tried on all that must notice it.

    `error` is the trouble that it made: a script failed, or the network was not as before when it was undone.
    """

    id: str
    title: str
    broken: str
    file: str = ""
    trials: tuple[Trial, ...] = ()
    reason: str = ""
    error: str = ""


class Status(StrEnum):
    """What an assertion is worth."""

    PROVEN = "proven"
    VACUOUS = "vacuous"
    UNPROVEN = "unproven"


class Assertion(Record):
    """A step: proven when it noticed every sabotage that it must, vacuous when it missed one, unproven without any."""

    id: str
    verb: str
    title: str
    status: Status


class ProveResult(_Derived):
    """All of it. `error` is the trouble that ended it early, or why the network was not fit for sabotage.

    `complete` tells whether all sabotages were tried that there are: where some were chosen, unproven assertions are no
    finding.
    """

    schema_version: Literal["1"] = SCHEMA_VERSION
    run_id: str
    scenario: Scenario
    started_at: AwareDatetime
    duration_seconds: Seconds
    command: str = ""
    complete: bool = True
    interrupted: bool = False
    error: str = ""
    assertions: tuple[Assertion, ...] = ()
    sabotages: tuple[SabotageResult, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """Error when there was trouble, failed when an assertion is worth nothing, else passed."""
        if self.error or self.interrupted or any(one.error for one in self.sabotages):
            return Verdict.ERROR
        bad = {Status.VACUOUS, *([Status.UNPROVEN] if self.complete else [])}
        if any(one.status in bad for one in self.assertions):
            return Verdict.FAILED
        return Verdict.PASSED if self.trials else Verdict.SKIPPED

    @property
    def trials(self) -> list[Trial]:
        """All trials, in their order."""
        return [trial for sabotage in self.sabotages for trial in sabotage.trials]

    def of(self, status: Status) -> list[Assertion]:
        """The assertions with that status."""
        return [one for one in self.assertions if one.status is status]


def status(step: str, trials: Iterable[Trial]) -> Status:
    """What the assertion *step* is worth after *trials*, those of others among them."""
    own = [trial.noticed for trial in trials if trial.step == step]
    if not own:
        return Status.UNPROVEN
    return Status.PROVEN if all(own) else Status.VACUOUS
