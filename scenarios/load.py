"""From a path to a checked scenario: every finding of a file at once, with its line and what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.findings import Fault, FileFinding, nearest
from common.yaml_reader import Document
from scenarios.file.checking import checked
from scenarios.file.errors import ScenarioError
from scenarios.file.findings import Findings
from scenarios.file.format import Scenario, Topology
from scenarios.file.source import read
from scenarios.references import references
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY

FILE_NAME = "scenario.yaml"
OrderCheck = Callable[[Scenario], Iterable[Fault]]


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
        raise ScenarioError([FileFinding(str(path), 1, 1, "", f"the folder has no {FILE_NAME}", hint)])
    source = read(file)
    findings = Findings(source)
    scenario = checked(findings, Scenario, source.data, ())
    steps = list(_steps(source, findings))
    findings.add(references(scenario, steps))
    findings.add(_order_faults(scenario, findings, check_order))
    if findings.all:
        raise ScenarioError(findings.all)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return LoadedScenario(file, digest, scenario, tuple(step for _, step in steps))


def _steps(source: Document, findings: Findings) -> Iterator[tuple[int, Verb]]:
    """Yield each step's verb with its parameters; what is wrong with them goes into *findings*."""
    steps = source.data.get("steps") if isinstance(source.data, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict) or "verb" not in step:
            continue  # the format's own check reports it
        name = str(step["verb"])
        if verb := REGISTRY.get(name):
            yield index, checked(findings, verb, step.get("with") or {}, ("steps", index, "with"))
        else:
            findings.add([Fault(("steps", index, "verb"), f"unknown verb {step['verb']!r}", nearest(name, REGISTRY))])


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
    for fault in check(scenario.model_copy(update={"topology": topology})):
        path = fault.path
        if not named and {"mappings", "overrides"} & set(path):
            continue  # the names that they are compared with may not be those of the file
        if path[:2] != ("service", "endpoints") or len(path) < 3 or points[int(path[2])].site in sound:
            yield fault
