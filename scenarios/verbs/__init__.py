"""The verbs of scenario steps: one verb, one file, one class.

A verb is a model of its parameters with a ``prove`` method. It gathers checks and evidence in a ``Proof`` and never
decides a verdict by itself: the checks do. A new verb is a new file in this package; the registry fills itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, get_args

from scenarios.context import Context
from scenarios.errors import nearest
from scenarios.format import Scenario, Strict
from scenarios.proof import Proof


class _Names:
    """Marks a parameter whose value must be the name of something in the scenario's topology."""

    def __init__(self, what: str) -> None:
        self.what = what


Site = Annotated[str, _Names("site")]
Host = Annotated[str, _Names("host")]

REGISTRY: dict[str, type[Verb]] = {}


class Verb(Strict):
    """Base of all verbs. Subclasses say ``class X(Verb, name="group.verb")`` and what they prove in their docstring."""

    verb: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if name:
            cls.verb = name
            REGISTRY[name] = cls

    def prove(self, context: Context, proof: Proof) -> str:
        """Gather checks and evidence in *proof*; return one sentence that is true when all checks passed."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def live_command(self, context: Context) -> str:
        """Return the command that shows the same thing in a lab that still runs; empty when there is none."""
        return ""

    def unknown_names(self, scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield path, message and hint for each parameter that names no site or host of *scenario*."""
        sites = scenario.topology.sites
        known = {"site": list(sites), "host": [host for site in sites.values() for host in site.hosts]}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            key = field.alias or name
            for marker in [mark for mark in field.metadata if isinstance(mark, _Names)]:
                yield from _unknown((key,), value, marker.what, known)
            for argument in get_args(field.annotation):
                for marker in [mark for mark in getattr(argument, "__metadata__", ()) if isinstance(mark, _Names)]:
                    items = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
                    for index, item in items:
                        yield from _unknown((key,) if index is None else (key, index), item, marker.what, known)


def _unknown(
    path: tuple[str | int, ...], value: object, what: str, known: dict[str, list[str]]
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    if isinstance(value, str) and value not in known[what]:
        yield path, f"no {what} {value!r} in the topology", nearest(value, known[what])


def _import_all() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


_import_all()
