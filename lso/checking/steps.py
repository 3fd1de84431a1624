"""A check as a step of a report: what came out of it, and what to say of it in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from reports.model import Check, StepResult, Verdict

_NAMED = 3
R = TypeVar("R")


@dataclass(frozen=True)
class ContractCheck(Generic[R]):
    """One thing to hold something against, which *run* does: *place* is that in the contract, *hint* what to do when
    it fails. Where *needed* is bad, nothing after it can be judged.
    """

    page: ClassVar[str]
    """The contract."""

    id: str
    title: str
    run: R
    place: str
    hint: str
    needed: bool = False

    @property
    def reference(self) -> str:
        """The contract and the place in it."""
        return f"{self.page}, {self.place}"


def new_step(check: ContractCheck[Any], subject: str, started: float) -> StepResult:
    """Return the step of a *check* that begins *started* seconds after the first; *subject* stands in its verb."""
    return StepResult(
        id=check.id,
        verb=f"{subject}.{check.id}",
        title=check.title,
        verdict=Verdict.SKIPPED,
        reference=check.reference,
        started_seconds=started,
    )


def blocked(step: StepResult, before: Iterable[StepResult], checks: Iterable[ContractCheck[Any]]) -> StepResult | None:
    """Return the step as skipped when one *before* it was bad that is needed for all after it."""
    needed = {check.id for check in checks if check.needed}
    bad = next((one.id for one in before if one.verdict.is_bad and one.id in needed), None)
    return step.model_copy(update={"message": f"nothing can be said before {bad!r} passes"}) if bad else None


def ended(
    step: StepResult, check: ContractCheck[Any], found: Sequence[Check], error: str, seconds: float
) -> StepResult:
    """Return the step with what was *found*; *error* is the machine's own trouble, which judges nothing."""
    verdict = Verdict.ERROR if error else Verdict.worst(one.verdict for one in found)
    return step.model_copy(
        update={
            "verdict": verdict,
            "checks": tuple(found),
            "message": error or _sentence(found),
            "hint": f"{check.hint} ({check.reference})" if verdict is Verdict.FAILED else "",
            "duration_seconds": seconds,
        }
    )


def _sentence(found: Sequence[Check]) -> str:
    bad = [one.name for one in found if one.verdict.is_bad]
    if not bad:
        return f"{len(found)} of {len(found)} as they should be"
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return f"{len(bad)} of {len(found)} wrong: {', '.join(bad[:_NAMED])}{more}"
