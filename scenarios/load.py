"""From a path to a checked scenario: every finding of a file at once, with its line and what to do."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from scenarios.errors import Finding, ScenarioError, nearest
from scenarios.format import Scenario
from scenarios.references import references
from scenarios.source import Path_, Source, read
from scenarios.verb import Verb
from scenarios.verbs import REGISTRY

FILE_NAME = "scenario.yaml"


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that may run, with the file it came from and that file's SHA-256."""

    path: Path
    sha256: str
    scenario: Scenario
    verbs: tuple[Verb, ...]


def load(path: Path) -> LoadedScenario:
    """Return the scenario at *path* (a file, or a folder with ``scenario.yaml``); raises ``ScenarioError``."""
    file = path / FILE_NAME if path.is_dir() else path
    source = read(file)
    findings: list[Finding] = []
    steps = list(_steps(source, findings))
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        raise ScenarioError([*findings, *_findings(source, error, Scenario, ())]) from error
    findings += references(source, scenario, steps)
    if findings:
        raise ScenarioError(findings)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return LoadedScenario(file, digest, scenario, tuple(step for _, step in steps))


def _steps(source: Source, findings: list[Finding]) -> Iterator[tuple[int, Verb]]:
    """Yield each step's verb with its parameters; what is wrong with them goes into *findings*."""
    steps = source.data.get("steps") if isinstance(source.data, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict) or "verb" not in step:
            continue  # the format's own check reports it
        verb = REGISTRY.get(str(step["verb"]))
        place: Path_ = ("steps", index, "verb")
        if verb is None:
            findings.append(
                source.finding(place, f"unknown verb {step['verb']!r}", nearest(str(step["verb"]), REGISTRY))
            )
            continue
        parameters = step.get("with") or {}
        try:
            yield index, verb.model_validate(parameters)
        except ValidationError as error:
            findings += _findings(source, error, verb, ("steps", index, "with"))


def _findings(source: Source, error: ValidationError, model: type[BaseModel], base: Path_) -> Iterator[Finding]:
    for detail in error.errors(include_url=False):
        inner = tuple(part for part in detail["loc"] if part != "[key]")
        kind, path = detail["type"], (*base, *inner)
        if kind == "extra_forbidden":
            known = _known_keys(model, inner[:-1])
            yield source.finding(path, f"unknown key {inner[-1]!r}", nearest(str(inner[-1]), known))
        elif kind == "missing":
            yield source.finding(path, "is missing")
        else:
            yield source.finding(path, _sentence(detail["msg"]), _given(detail["input"]))


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _given(value: object) -> str:
    return "" if isinstance(value, dict | list) else f"the file has {value!r}"


def _known_keys(model: type[BaseModel], path: Path_) -> set[str]:
    """Return the keys that *model* knows at *path*."""
    for part in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _model_in(fields[str(part)].annotation) if str(part) in fields else model
        model = inner or model
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, dict, tuple, Union, types.UnionType):
        return next((model for item in get_args(annotation) if (model := _model_in(item))), None)
    return None
