"""The result of a run: one immutable value that every renderer reads and that `result.json` holds.

A verdict is a value. *Failed* says that the network under test is wrong, *error* that the test-bed is,
*skipped* that nothing was judged (the message says why). Times are seconds since the start of the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from reports.topology import (
    HostPicture,
    Record,
    SitePicture,
    TopologyPicture,
    TunnelPicture,
    UnderlayPicture,
    VnfPicture,
    WanPort,
    tunnel_element,
)

__all__ = [
    "SCHEMA_VERSION",
    "Check",
    "Engine",
    "EvidenceFile",
    "HostPicture",
    "Phase",
    "Record",
    "RunResult",
    "Scenario",
    "Series",
    "SitePicture",
    "StepResult",
    "Timing",
    "TopologyPicture",
    "TunnelPicture",
    "UnderlayPicture",
    "Verdict",
    "VnfPicture",
    "Wait",
    "WanPort",
    "tunnel_element",
]

SCHEMA_VERSION: Literal["1"] = "1"

Ending = Literal["complete", "refused", "interrupted"]
Seconds = Annotated[float, Field(ge=0)]


class Verdict(StrEnum):
    """What came out: ordered error, failed, passed, skipped from worst to mildest."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The verdict of the whole: error, else failed, else passed, else skipped.

        A skipped part takes nothing from what passed, but where every part was skipped (or there is none) nothing
        was proved, so the whole is skipped and never passed.
        """
        return min(verdicts, key=_WORST_FIRST.index, default=cls.SKIPPED)

    @property
    def is_bad(self) -> bool:
        """True for failed and error."""
        return self in (Verdict.FAILED, Verdict.ERROR)


_WORST_FIRST = (Verdict.ERROR, Verdict.FAILED, Verdict.PASSED, Verdict.SKIPPED)


class Check(Record):
    """One atomic comparison inside a step: what was expected and what was measured, as text with units.

    `element` is the element id (see `reports.topology`) that this check judges, if it judges one.
    """

    name: str
    verdict: Verdict
    message: str = ""
    expected: str = ""
    measured: str = ""
    element: str | None = None


class EvidenceFile(Record):
    """A file beside the report. `path` is relative to the run's `evidence/` folder, with forward slashes."""

    path: str
    title: str
    media: str = "application/octet-stream"

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            raise ValueError(f"evidence path {path!r} must be relative to evidence/ and stay inside it")
        return path


class Wait(Record):
    """A condition that was polled: how long it really took, and how long it was allowed to take (seconds)."""

    what: str
    needed_seconds: Seconds
    deadline_seconds: Seconds


class Series(Record):
    """Samples over time: `y[i]` (in `unit`) at `x_seconds[i]` since the series began; bounds are drawn as lines."""

    name: str
    unit: str
    x_seconds: tuple[float, ...]
    y: tuple[float, ...]
    lower_bound: float | None = None
    upper_bound: float | None = None

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.x_seconds) != len(self.y):
            raise ValueError(f"series {self.name!r} has {len(self.x_seconds)} times and {len(self.y)} values")
        return self


class StepResult(Record):
    """What one step of a scenario found.

    `message` is one sentence; `hint` says what to do about it; `reference` names the requirement (MEF, RFC);
    `live_command` shows the same thing in a lab that still runs; `engines` maps each capability that the step used
    to the engine that did it; `elements` lists the element ids that the step's verdict applies to, apart from those
    that its checks judge by themselves.
    """

    id: str
    verb: str
    title: str
    verdict: Verdict
    message: str = ""
    reference: str = ""
    hint: str = ""
    started_seconds: Seconds = 0
    duration_seconds: Seconds = 0
    checks: tuple[Check, ...] = ()
    evidence: tuple[EvidenceFile, ...] = ()
    waits: tuple[Wait, ...] = ()
    series: tuple[Series, ...] = ()
    live_command: str = ""
    engines: dict[str, str] = Field(default_factory=dict)
    elements: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _verdict_is_honest(self) -> Self:
        bad = [check.name for check in self.checks if check.verdict.is_bad]
        if bad and not self.verdict.is_bad:
            raise ValueError(f"step {self.id!r} cannot be {self.verdict} while its check {bad[0]!r} is bad")
        return self


class Phase(Record):
    """A stretch of the run (`topology`, `order`, `steps`, `removal`, …). Phases may overlap."""

    name: str
    started_seconds: Seconds
    duration_seconds: Seconds


class Engine(Record):
    """How a capability was provided: the engine chosen here, the best one known, and why they differ if they do."""

    capability: str
    chosen: str
    best: str
    reason: str = ""

    @property
    def is_best(self) -> bool:
        """True when nothing better than the chosen engine is known."""
        return self.chosen == self.best


class Timing(Record):
    """A named span that matters to the reader, such as order to tunnel established, with its goal if it has one."""

    name: str
    seconds: Seconds
    goal_seconds: Seconds | None = None


class Scenario(Record):
    """Which scenario ran: its stable id, title, file and the file's SHA-256 in hexadecimal."""

    id: str
    title: str
    path: str = ""
    sha256: str = ""


class RunResult(Record):
    """A whole run. `error` is the test-bed's own trouble when the verdict is error and no step tells it.

    `ending` says how it ended: `complete`, `refused` when the API did not take the scenario's order, `interrupted` when
    it was told to end. A run that was refused or interrupted has the verdict error, whatever its steps say.
    """

    schema_version: Literal["1"] = SCHEMA_VERSION
    run_id: str
    subject: Literal["network", "product", "uCPE"] = Field(default="network", description="what is judged")
    scenario: Scenario
    started_at: AwareDatetime
    duration_seconds: Seconds
    verdict: Verdict
    error: str = ""
    ending: Ending = "complete"
    command: str = ""
    lab: str = Field(default="", description="id of the lab that it ran in")
    lab_kept: bool = Field(default=False, description="whether the lab was left up, so that live commands work in it")
    phases: tuple[Phase, ...] = ()
    steps: tuple[StepResult, ...] = ()
    timings: tuple[Timing, ...] = ()
    engines: tuple[Engine, ...] = ()
    topology: TopologyPicture = TopologyPicture()
    versions: dict[str, str] = Field(default_factory=dict)
    images: dict[str, str] = Field(default_factory=dict, description="container image by its tag of content -> its id")
    machine: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_honest(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(set(ids)) < len(ids):
            raise ValueError(f"run {self.run_id!r} has two steps with one id, {max(ids, key=ids.count)!r}")
        bad = [step.id for step in self.steps if step.verdict.is_bad]
        if bad and not self.verdict.is_bad:
            raise ValueError(f"run {self.run_id!r} cannot be {self.verdict} while its step {bad[0]!r} is bad")
        if self.error and self.verdict is not Verdict.ERROR:
            raise ValueError(f"run {self.run_id!r} carries an error but its verdict is {self.verdict}")
        if self.ending != "complete" and self.verdict is not Verdict.ERROR:
            raise ValueError(f"run {self.run_id!r} was {self.ending} but its verdict is {self.verdict}")
        return self
