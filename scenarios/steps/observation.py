"""All that one step observed, in one JSON file beside its captures; judging it needs nothing but that folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, SerializeAsAny

from reports.model import Check
from scenarios.steps.checks import Judgement, equal
from scenarios.steps.evidence import Evidence, read_json
from scenarios.steps.verb import Verb

FILE_NAME = "step.observed.json"  # sites, hosts and ports, which name the other files, have no dot


class EndedVnf(Evidence):
    """A VNF that did not run when a step had failed; *state* is the engine's word."""

    site: str
    name: str
    state: str


class Observation(Evidence):
    """What *verb* with its parameters observed.

    *fault* is the check that ended the observation, *evidence* what was seen until then, None when that is nothing.
    """

    verb: str
    parameters: dict[str, Any] = Field(alias="with")
    evidence: SerializeAsAny[Evidence] | None = None
    fault: Check | None = None
    ended: tuple[EndedVnf, ...] = ()

    @classmethod
    def of(cls, verb: Verb, evidence: Evidence | None, fault: Check | None) -> Observation:
        """Return what *verb* observed."""
        parameters = verb.model_dump(mode="json", by_alias=True)
        return cls.model_validate({"verb": verb.verb, "with": parameters, "evidence": evidence, "fault": fault})

    def text(self) -> str:
        """Return the observation as :func:`read` takes it."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"


def read(path: Path, verbs: dict[str, type[Verb]]) -> tuple[Verb, Observation]:
    """Return the verb and the observation in the file *path*; the files that it names lie beside it.

    *verbs* are all verbs by name. Raises ValueError for anything else than a whole observation, KeyError for one of an
    unknown verb.
    """
    document = read_json(path)
    verb = verbs[document["verb"]].model_validate(document["with"])
    if document["evidence"] is not None:
        text, context = json.dumps(document["evidence"]), {"folder": path.parent}
        document["evidence"] = verb.evidence_type().model_validate_json(text, context=context)
    return verb, Observation.model_validate(document)


def judge(verb: Verb, observation: Observation) -> Judgement:
    """Return what follows from *observation* alone; evidence that cannot be judged is an error of the test-bed.

    What was seen to be wrong is wrong, also where that is not all there is to know.
    """
    try:
        judged = Judgement() if observation.evidence is None else verb.judge(observation.evidence)
    except Exception as error:  # noqa: BLE001  (one step's trouble must not take the other steps' proof away)
        return Judgement(error=error)
    checks = [*judged.checks, *([observation.fault] if observation.fault else [])]
    checks += _ended(observation.ended, checks)
    failed = any(check.verdict.is_bad for check in checks)
    return Judgement(checks, judged.summary, None if failed else judged.error)


def _ended(vnfs: Sequence[EndedVnf], checks: Sequence[Check]) -> list[Check]:
    """Name the VNFs that do not run, behind what failed: they are why, and the picture shows them."""
    blamed = {check.element for check in checks if check.verdict.is_bad}
    elements = {f"vnf:{vnf.site}/{vnf.name}": vnf for vnf in vnfs}
    return [
        equal(f"{vnf.site}: {vnf.name}", vnf.state, "running", element=element)
        for element, vnf in elements.items()
        if element not in blamed
    ]
