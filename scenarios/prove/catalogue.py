"""Sabotages from the product's catalogue and from users' folders, all checked before anything starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from common.findings import Fault, FileFinding, nearest
from scenarios.file.checking import checked, value_faults
from scenarios.file.errors import ScenarioError
from scenarios.file.findings import Findings
from scenarios.file.source import read
from scenarios.prove import variables
from scenarios.prove.sabotage import PARTS, ROLES, UNDERLAY, LoadedSabotage, Noticing, Sabotage, spelled_out
from scenarios.references import ENGINES, KINDS
from scenarios.verbs import REGISTRY

CATALOGUE = Path(__file__).parent.parent / "sabotage"
Vendors = Mapping[str, Collection[str]]
"""Who has a product of a kind of VNF; nothing is said of kinds that are not in it."""
PLACES = (*ROLES, *(f"{role}/{part}" for role in ROLES for part in (*PARTS, *KINDS)), UNDERLAY)


def load_catalogue(
    folders: Sequence[Path] = (CATALOGUE,), vendors: Vendors = MappingProxyType({})
) -> tuple[LoadedSabotage, ...]:
    """Return the sabotages in *folders*, by file name; raises ``ScenarioError`` with all that is wrong with any."""
    loaded: dict[str, LoadedSabotage] = {}
    wrong: list[FileFinding] = []
    for path in [path for folder in folders for path in _files(folder, wrong)]:
        try:
            one = load_sabotage(path, vendors)
        except ScenarioError as error:
            wrong += error.findings
            continue
        if first := loaded.get(one.id):
            message = f"{one.id!r} is the id of {first.file}, too"
            wrong.append(FileFinding(str(path), 1, 1, "sabotage", message, "each has an id of its own"))
        loaded[one.id] = one
    if wrong:
        raise ScenarioError(wrong)
    return tuple(loaded.values())


def load_sabotage(path: Path, vendors: Vendors = MappingProxyType({})) -> LoadedSabotage:
    """Return the sabotage in the file *path*; raises ``ScenarioError`` with all that is wrong with it."""
    try:
        source = read(path)
    except ScenarioError as error:
        raise ScenarioError(replace(one, path=one.path or "sabotage", hint="") for one in error.findings) from error
    findings = Findings(source)
    sabotage = checked(findings, Sabotage, spelled_out(source.data), ())
    findings.add(_faults(sabotage, path, vendors))
    if findings.all:
        raise ScenarioError(findings.all)
    return LoadedSabotage(file=path, sabotage=sabotage)


def _files(folder: Path, wrong: list[FileFinding]) -> list[Path]:
    found = sorted(folder.glob("*.yaml"))
    if not found:
        why = "holds no sabotage" if folder.is_dir() else "is no folder"
        wrong.append(FileFinding(str(folder), 1, 1, "sabotage", why, "a sabotage is a file ID.yaml"))
    return found


def _faults(sabotage: Sabotage, path: Path, vendors: Vendors) -> Iterator[Fault]:
    if sabotage.sabotage != path.stem:
        yield Fault(
            ("sabotage",),
            f"the file of {sabotage.sabotage!r} is called {path.name}",
            f"call it {sabotage.sabotage}.yaml",
        )
    for index, noticing in enumerate(sabotage.must_notice):
        yield from _noticing_faults(("must_notice", index), noticing, removed=sabotage.when == "removed")
    for kind, vendor in sabotage.requires.vendors.items():
        if kind not in KINDS:
            yield Fault(("requires", "vendors", kind), f"no kind of VNF {kind!r}", nearest(kind, KINDS))
        elif kind in vendors and vendor not in vendors[kind]:
            yield Fault(("requires", "vendors", kind), f"no {kind} VNF of {vendor!r}", nearest(vendor, vendors[kind]))
    for capability, engine in sabotage.requires.engines.items():
        if engine not in ENGINES[capability]:
            place = ("requires", "engines", capability)
            yield Fault(place, f"no {capability} engine {engine!r}", nearest(engine, ENGINES[capability]))
    yield from _action_faults(sabotage)


def _action_faults(sabotage: Sabotage) -> Iterator[Fault]:
    names = {*variables.NAMES, *_step_names(sabotage.must_notice)}
    for index, action in enumerate(sabotage.actions):
        if action.where not in PLACES:
            yield Fault(("actions", index, "where"), f"no place {action.where!r}", nearest(action.where, PLACES))
        if action.do and not action.undo and not sabotage.lasting:
            yield Fault(
                ("actions", index), "what is done has to be undone", "give its undo; `lasting: true` is for traces"
            )
        for key in ("do", "undo", "background", "effect"):
            for name in sorted(variables.expanded(getattr(action, key)) - names):
                hint = f"{nearest(name, names)} A script's own variables are in lower case."
                yield Fault(("actions", index, key), f"no variable ${name}", hint)


def _noticing_faults(place: tuple[str | int, ...], noticing: Noticing, *, removed: bool) -> Iterator[Fault]:
    verb = REGISTRY.get(noticing.verb)
    if verb is None:
        yield Fault((*place, "verb"), f"unknown verb {noticing.verb!r}", nearest(noticing.verb, REGISTRY))
        return
    if removed != verb.removes:
        told = "does not judge a removal" if removed else "removes the service"
        yield Fault((*place, "verb"), f"{verb.verb} {told}", "`when: removed` is for verbs that remove the service")
    known = {field.alias or name: field for name, field in verb.model_fields.items()}
    for key, value in noticing.with_.items():
        if key not in known:
            yield Fault((*place, "with", key), f"{verb.verb} has no parameter {key!r}", nearest(key, known))
            continue
        choices = enumerate(value) if isinstance(value, list) else ((None, value),)
        for index, one in choices:
            yield from value_faults(known[key], one, (*place, "with", key, *(() if index is None else (index,))))


def _step_names(must_notice: Iterable[Noticing]) -> set[str]:
    """Return the variables that stand for parameters of every verb in *must_notice*."""
    known = [
        {variables.STEP + (field.alias or name).upper() for name, field in REGISTRY[one.verb].model_fields.items()}
        for one in must_notice
        if one.verb in REGISTRY
    ]
    return set.intersection(*known) if known else set()
