"""From a matrix file to its cells, each a scenario of its own; everything that is wrong is told at once."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from common.findings import Fault, FileFinding, nearest
from common.findings import Path as Path_
from common.yaml_reader import Document
from common.yaml_writer import write_yaml
from lso.catalogue import catalogue
from lso.matrix.change import changed, unknown_items
from lso.matrix.format import AxisEntry, MatrixFile
from lso.scenario_files import load
from reports.matrix import Axis, AxisValue, Deviation
from reports.matrix.model import Expectation
from scenarios.file.checking import checked
from scenarios.file.errors import ScenarioError
from scenarios.file.findings import Findings
from scenarios.file.source import read
from scenarios.load import FILE_NAME
from testbed.images.recipes import UCPES

LONGEST_ID = 64  # of a scenario
MOST_CELLS = 10_000
_BASE_KEYS = ("scenario", "title")
UCPE = "ucpe"  # its makes are chosen as products are


@dataclass(frozen=True)
class Value:
    """A value of an axis with the change of the scenario that it makes, which stands at *place* in the matrix file.

    With *products* the change is a choice of products, which the file does not spell out.
    """

    axis: str
    shown: AxisValue
    change: Mapping[str, Any]
    place: Path_
    products: bool = False


@dataclass(frozen=True)
class PlannedCell:
    """A cell to run: its id, the values of its axes, and its scenario as *text*.

    *unsupported* is why the products declare that they cannot, empty when they can: then it is not run.
    """

    id: str
    place: Mapping[str, str]
    expect: Expectation
    text: str
    unsupported: str = ""

    @property
    def path(self) -> str:
        """The file that its run is told to come from."""
        return FILE_NAME

    @property
    def sha256(self) -> str:
        """Return the digest of its scenario."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class LoadedMatrix:
    """A matrix that may run."""

    path: Path
    file: MatrixFile
    axes: tuple[Axis, ...]
    deviations: tuple[Deviation, ...]
    cells: tuple[PlannedCell, ...]


def load_matrix(path: Path) -> LoadedMatrix:
    """Return the matrix in the file *path*; raises ``ScenarioError`` with all that is wrong with it and its cells."""
    source = read(path)
    findings = Findings(source)
    file = checked(findings, MatrixFile, source.data, ())
    base, base_path = _base(file, path, findings)
    if base is None:
        raise ScenarioError(findings.all)
    values = {name: list(_values(name, axis, findings)) for name, axis in file.axes.items()}
    findings.add(_faults(file, values, base))
    if findings.all:
        raise ScenarioError(findings.all)
    axes = tuple(
        Axis(id=name, title=file.axes[name].title, values=tuple(value.shown for value in found))
        for name, found in values.items()
    )
    cells, wrong = _Expansion(source, file, base, base_path).cells(list(values.values()))
    if wrong:
        raise ScenarioError(wrong)
    deviations = tuple(Deviation(cells=entry.cells, reason=entry.reason) for entry in file.deviations)
    return LoadedMatrix(path, file, axes, deviations, cells)


def _base(file: MatrixFile, path: Path, findings: Findings) -> tuple[Document | None, Path]:
    """Return the base scenario's source, None when it cannot be: its findings are told with those of the matrix."""
    base = path.parent / file.base
    base = base / FILE_NAME if base.is_dir() else base
    if findings.touch(("base",)):
        return None, base
    try:
        load(base)
        return read(base), base
    except ScenarioError as error:
        findings.all += error.findings
        return None, base


def _values(name: str, axis: AxisEntry, findings: Findings) -> Iterator[Value]:
    if axis.sites and not findings.touch(("axes", name)):
        products = {kind: _products(kind) for kind in axis.kinds or [axis.kind]}
        faults = list(_product_faults(name, axis, products))
        findings.add(faults)
        if not faults:
            yield from (_pairs if axis.kind else _turns)(name, axis, products)
    for index, entry in enumerate(axis.values):
        shown = AxisValue(id=entry.id, title=entry.title, expect=entry.expect)
        yield Value(name, shown, entry.change, ("axes", name, "values", index, "change"))


def _pairs(name: str, axis: AxisEntry, products: Mapping[str, Sequence[str]]) -> Iterator[Value]:
    """Yield every combination of products of one kind."""
    for names in product(*[axis.products or products[axis.kind]] * len(axis.sites)):
        change = _chosen({site: {axis.kind: one} for site, one in zip(axis.sites, names, strict=True)})
        yield Value(name, AxisValue(id="-".join(names), title=" – ".join(names)), change, ("axes", name), products=True)


def _turns(name: str, axis: AxisEntry, products: Mapping[str, Sequence[str]]) -> Iterator[Value]:
    """Yield as many values as the largest kind has products: then each has been at each site."""
    for turn in range(max(map(len, products.values()))):
        served = {
            site: {kind: found[(turn + index) % len(found)] for kind, found in products.items()}
            for index, site in enumerate(axis.sites)
        }
        title = "; ".join(f"{site} {', '.join(chosen.values())}" for site, chosen in served.items())
        yield Value(
            name, AxisValue(id=f"{name}-{turn + 1}", title=title), _chosen(served), ("axes", name), products=True
        )


def _products(kind: str) -> list[str]:
    """Return the names of all products of a kind of VNF, or of the makes of uCPE."""
    return sorted(UCPES) if kind == UCPE else sorted(one.name for one in catalogue().products() if one.kind == kind)


def _chosen(served: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the change of the scenario that gives each site its products, by kind."""
    change: dict[str, Any] = {}
    for site, chosen in served.items():
        for kind, one in chosen.items():
            make = {"topology": {"sites": {site: {"ucpe": one}}}}
            change = changed(change, make if kind == UCPE else {"products": {site: {kind: one}}})
    return change


def _product_faults(name: str, axis: AxisEntry, products: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    kinds = [UCPE, *sorted({one.kind for one in catalogue().products()})]
    for kind, known in products.items():
        place: Path_ = ("axes", name, "kind") if axis.kind else ("axes", name, "kinds", axis.kinds.index(kind))
        if not known:
            yield Fault(place, f"no product of the kind {kind!r}", nearest(kind, kinds))
    for index, one in enumerate(axis.products):
        known = products[axis.kind]
        if known and one not in known:
            yield Fault(("axes", name, "products", index), f"no {axis.kind} product {one!r}", nearest(one, known))


def _faults(file: MatrixFile, values: Mapping[str, Sequence[Value]], base: Document) -> Iterator[Fault]:
    for found in values.values():
        yield from _value_faults(found, base)
    negative = any(value.shown.expect != "passed" for found in values.values() for value in found)
    if negative and not file.negative_steps:
        hint = "such as {id: refused, verb: ipsec.refused, with: {…}}"
        yield Fault(("negative_steps",), "cells that must fail to connect need steps that prove it", hint)
    if (count := prod(map(len, values.values()))) > MOST_CELLS:
        yield Fault(("axes",), f"{count} cells are more than the {MOST_CELLS} that a matrix may have", "")
    yield from _deviation_faults(file, values)


def _value_faults(values: Sequence[Value], base: Document) -> Iterator[Fault]:
    seen: set[str] = set()
    for value in values:
        if value.shown.id in seen:
            yield Fault(value.place[:-1], f"the id {value.shown.id!r} stands twice", "")
        seen.add(value.shown.id)
        for place, item, known in unknown_items(base.data, value.change):
            yield Fault((*value.place, *place), f"the scenario has no {item!r} there", nearest(item, known))
        for key in _BASE_KEYS:
            if key in value.change:
                yield Fault((*value.place, key), f"each cell has a {key} of its own", "leave it out")


def _deviation_faults(file: MatrixFile, values: Mapping[str, Sequence[Value]]) -> Iterator[Fault]:
    for index, deviation in enumerate(file.deviations):
        place = ("deviations", index, "cells")
        for axis, pattern in deviation.cells.items():
            if axis not in values:
                yield Fault((*place, axis), f"no axis {axis!r}", nearest(axis, values))
            elif values[axis] and not any(fnmatchcase(value.shown.id, pattern) for value in values[axis]):
                hint = nearest(pattern, [value.shown.id for value in values[axis]])
                yield Fault((*place, axis), f"no value of {axis} is like {pattern!r}", hint)


@dataclass
class _Expansion:
    """Makes the cells of a matrix, and gathers what is wrong with them at the place that it comes from."""

    source: Document
    file: MatrixFile
    base: Document
    base_path: Path
    _plain: dict[tuple[str, ...], tuple[FileFinding, ...]] = field(default_factory=dict)
    _scratch: Path = field(init=False)

    def cells(self, axes: Sequence[Sequence[Value]]) -> tuple[tuple[PlannedCell, ...], list[FileFinding]]:
        """Return the cells, and all that is wrong with any, each mistake once."""
        made: list[PlannedCell] = []
        wrong: dict[str, FileFinding] = {}
        with tempfile.TemporaryDirectory(prefix="lso-matrix-") as folder:
            self._scratch = Path(folder) / FILE_NAME
            for values in product(*axes):
                cell, findings = self._cell(values)
                made.append(cell)
                for finding in findings:
                    wrong.setdefault(f"{finding.line}:{finding.column}:{finding.message}", finding)
        return tuple(made), list(wrong.values())

    def _cell(self, values: Sequence[Value]) -> tuple[PlannedCell, list[FileFinding]]:
        negative = any(value.shown.expect != "passed" for value in values)
        text = self._text(values, negative)
        name = "--".join(value.shown.id for value in values)
        findings = self._findings(text)
        unsupported = ""
        if findings and self._declared(findings, values, negative):
            unsupported, findings = "; ".join(dict.fromkeys(map(_reason, findings))), ()
        place = {value.axis: value.shown.id for value in values}
        cell = PlannedCell(name, place, "fails-to-connect" if negative else "passed", text, unsupported)
        return cell, [self._placed(finding, values) for finding in findings]

    def _declared(self, findings: Iterable[FileFinding], values: Sequence[Value], negative: bool) -> bool:
        """Tell whether it is the products that cannot: the template's own would take the same inputs."""
        if not all(finding.place[:1] == ("inputs",) for finding in findings):
            return False
        others = [value for value in values if not value.products]
        if len(others) == len(values):
            return False
        key = tuple(value.shown.id for value in others)
        if key not in self._plain:
            self._plain[key] = self._findings(self._text(others, negative))
        return not self._plain[key]

    def _text(self, values: Sequence[Value], negative: bool) -> str:
        document = self.base.data
        for value in values:
            document = changed(document, value.change)
        name = "--".join(value.shown.id for value in values)
        title = "; ".join(f"{value.axis}: {value.shown.title or value.shown.id}" for value in values)
        document = {**document, "scenario": name, "title": f"{self.file.matrix}: {title}"}
        if negative:
            document["steps"] = [
                step.model_dump(mode="json", by_alias=True, exclude_defaults=True) for step in self.file.negative_steps
            ]
        return write_yaml(document)

    def _findings(self, text: str) -> tuple[FileFinding, ...]:
        self._scratch.write_text(text, encoding="utf-8")
        try:
            load(self._scratch)
        except ScenarioError as error:
            return error.findings
        return ()

    def _placed(self, finding: FileFinding, values: Sequence[Value]) -> FileFinding:
        """Return the finding at its place in the matrix file, else in the base scenario."""
        path, hint = finding.place, finding.hint
        if path[:1] == ("scenario",):
            return self.source.finding(Fault(("axes",), f"{finding.message}: ids of values make up the cell's", hint))
        if path[:1] == ("steps",) and any(value.shown.expect != "passed" for value in values):
            return self.source.finding(Fault(("negative_steps", *path[1:]), finding.message, hint))
        for value in reversed(values):
            if depth := _depth(value.change, path):
                place = value.place if value.products else (*value.place, *path[:depth])
                whole = depth == len(path) and not value.products  # the place says it already
                told = finding.message if whole else f"{finding.path}: {finding.message}"
                return self.source.finding(Fault(place, told, hint))
        return self.base.finding(
            Fault(path, f"{finding.message} (in the cell {'--'.join(v.shown.id for v in values)})", hint)
        )


def _reason(finding: FileFinding) -> str:
    return f"{finding.message} ({finding.hint})" if finding.hint else finding.message


def _depth(change: Any, path: Path_) -> int:
    """Return how many parts of *path* the change names; 0 when it does not touch what is there."""
    depth = 0
    for part in path:
        if not isinstance(change, Mapping) or part not in change:
            return depth if not isinstance(change, Mapping) else 0
        change, depth = change[str(part)], depth + 1
    return depth
