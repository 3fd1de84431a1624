"""From a path to a checked scenario: every finding of a file at once, with its line and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from common.forms import model_in
from scenarios.file.errors import ScenarioError, ScenarioFinding, nearest
from scenarios.file.findings import Fault, Findings
from scenarios.file.format import Scenario, Strict, Topology
from scenarios.file.partial import partial
from scenarios.file.source import Path_, Source, read
from scenarios.references import references
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY

FILE_NAME = "scenario.yaml"
_LONGEST_SHOWN = 80
_WORDS = {
    "model_type": "a mapping is wanted, as in `key: value`",
    "dict_type": "a mapping is wanted, as in `key: value`",
    "list_type": "a list is wanted, as in `[a, b]`",
    "tuple_type": "a list is wanted, as in `[a, b]`",
    "string_type": "text is wanted",
    "too_short": "at least {min_length} wanted, there are {actual_length}",
}
"""What pydantic says in Python's words, by its kind of error."""

OrderCheck = Callable[[Scenario], Iterable[Fault]]
Checked = TypeVar("Checked", bound=Strict)


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that may run, with the file it came from and that file's SHA-256."""

    path: Path
    sha256: str
    scenario: Scenario
    verbs: tuple[Verb, ...]


def load(path: Path, check_order: OrderCheck = lambda _scenario: ()) -> LoadedScenario:
    """Return the scenario at *path* (a file, or a folder with ``scenario.yaml``); raises ``ScenarioError``.

    *check_order* yields why its service cannot be ordered. Checks go on behind a fault, with what is right: it is given
    a scenario without the sites that cannot be.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if file is not path and not file.exists():
        hint = "give a scenario file or its folder"
        raise ScenarioError([ScenarioFinding(str(path), 1, 1, "", f"the folder has no {FILE_NAME}", hint)])
    source = read(file)
    findings = Findings(source)
    scenario = _checked(findings, Scenario, source.data, ())
    steps = list(_steps(source, findings))
    findings.add(references(scenario, steps))
    findings.add(_order_faults(scenario, findings, check_order))
    if findings.all:
        raise ScenarioError(findings.all)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return LoadedScenario(file, digest, scenario, tuple(step for _, step in steps))


def _checked(findings: Findings, model: type[Checked], data: Any, base: Path_) -> Checked:
    """Return *data* as a *model*; what is wrong with it is a finding, and empty in what is returned."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        findings.add(_faults(error, model, base))
        return cast("Checked", partial(model, data))


def _steps(source: Source, findings: Findings) -> Iterator[tuple[int, Verb]]:
    """Yield each step's verb with its parameters; what is wrong with them goes into *findings*."""
    steps = source.data.get("steps") if isinstance(source.data, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict) or "verb" not in step:
            continue  # the format's own check reports it
        name = str(step["verb"])
        if verb := REGISTRY.get(name):
            yield index, _checked(findings, verb, step.get("with") or {}, ("steps", index, "with"))
        else:
            findings.add([(("steps", index, "verb"), f"unknown verb {step['verb']!r}", nearest(name, REGISTRY))])


def _order_faults(scenario: Scenario, findings: Findings, check: OrderCheck) -> Iterator[Fault]:
    """Yield what *check* says of a scenario that has only the sites in which nothing is wrong."""
    underlays = {
        name: underlay
        for name, underlay in scenario.topology.underlays.items()
        if not findings.touch(("topology", "underlays", name, "prefix"))
    }
    sound = {
        name: site
        for name, site in scenario.topology.sites.items()
        if not any(findings.touch(("topology", "sites", name, key)) for key in ("lan", "gateway", "wan"))
        and all(wan.underlay in underlays for wan in site.wan.values())
    }
    topology = Topology.model_construct(underlays=underlays, sites=sound)
    points = scenario.service.endpoints
    named = not any(findings.touch(("service", key)) for key in ("applications", "policies"))
    for path, message, hint in check(scenario.model_copy(update={"topology": topology})):
        if not named and {"mappings", "overrides"} & set(path):
            continue  # the names that they are compared with may not be those of the file
        if path[:2] != ("service", "endpoints") or len(path) < 3 or points[int(path[2])].site in sound:
            yield path, message, hint


def _faults(error: ValidationError, model: type[BaseModel], base: Path_) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        inner = tuple(part for part in detail["loc"] if part != "[key]")
        kind, path = detail["type"], (*base, *inner)
        if kind == "extra_forbidden":
            known = _known_keys(model, inner[:-1])
            yield path, f"unknown key {inner[-1]!r}", nearest(str(inner[-1]), known)
        elif kind == "missing":
            yield path, "is missing", ""
        else:
            words = _WORDS[kind].format(**detail.get("ctx", {})) if kind in _WORDS else _sentence(detail["msg"])
            yield path, words, _given(detail["input"])


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _given(value: object) -> str:
    if isinstance(value, dict | list):
        return ""
    if value is None or isinstance(value, bool):
        return f"the file has {json.dumps(value)}"
    shown = repr(value)
    return f"the file has {shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + '…'}"


def _known_keys(model: type[BaseModel], path: Path_) -> set[str]:
    """Return the keys that *model* knows at *path*."""
    for part in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = model_in(fields[str(part)].annotation) if str(part) in fields else model
        model = inner or model
    return {field.alias or name for name, field in model.model_fields.items()}
