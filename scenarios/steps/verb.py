"""What a verb of a scenario step is.

A verb is a model of its parameters that *observes*, which acts on the network and returns typed evidence, and then
*judges*, which turns that evidence into checks and looks at nothing else. The verdict follows from the checks.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_type_hints

from pydantic import Field

from common.findings import Fault, nearest
from reports.model import Series
from scenarios.file.format import Scenario, Strict
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder

T = TypeVar("T")


class _Names:
    """Marks a parameter whose value must be the name of something in the scenario's topology."""

    def __init__(self, what: str) -> None:
        self.what = what


Site = Annotated[str, _Names("site")]
Host = Annotated[str, _Names("host")]

Known = Mapping[str, Collection[str]]
"""The names that a scenario has, by what they are of."""

REGISTRY: dict[str, type[Verb]] = {}

Watching = Generator[float, None, T]
"""What returns a *T* and yields where it only watches from then on: the moment of the monotonic clock when it will have
seen enough. Gone on with before that, it waits."""


class Verb(Strict):
    """Base of all verbs. Subclasses say ``class X(Verb, name="group.verb")`` and what they prove in their docstring."""

    verb: ClassVar[str] = ""
    gate: ClassVar[bool] = False
    """Whether a failure leaves nothing for the following steps to judge."""
    always: ClassVar[bool] = False
    """Whether the step runs behind a gate that did not pass."""
    asks: ClassVar[str] = ""
    """The kind of VNF without which there is nothing to ask."""
    removes: ClassVar[bool] = False
    """Whether the service is gone behind the step."""
    looks_back: ClassVar[bool] = False
    """Whether the step judges what was captured since the order."""
    beside: ClassVar[bool] = False
    """Whether the step may run while earlier ones watch: neither its packets nor theirs change what the other sees."""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if name:
            cls.verb = name
            REGISTRY[name] = cls

    def observe(self, context: Context, recorder: Recorder) -> Evidence | Watching[Evidence]:
        """Act on the network and return what was seen; documents and captures go to *recorder* as files.

        A verb that has nothing more to do than to watch for some time may yield there, see :data:`Watching`.

        Raises ``NetworkFault`` when the network lacks what is needed to go on; all else is the test-bed's trouble.
        """
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def judge(self, evidence: Any) -> Judgement:
        """Return the checks that follow from *evidence* and the files it names, and from nothing else."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def series(self, evidence: Path) -> list[Series]:
        """Return the series that follow from the files in the folder *evidence*, and from nothing else."""
        return []

    @classmethod
    def watches(cls) -> bool:
        """Tell whether steps of the verb go on while others run beside them."""
        return isgeneratorfunction(cls.observe)

    @classmethod
    def evidence_type(cls) -> type[Evidence]:
        """Return the type of evidence that the verb judges, which is what it observes."""
        found: type[Evidence] = get_type_hints(cls.judge)["evidence"]
        return found

    def live_command(self, context: Context) -> str:
        """Return the command that shows the same thing in a lab that still runs; empty when there is none."""
        return ""

    def elements(self, context: Context) -> list[str]:
        """Return the elements of the picture (``reports.topology``) that the step's whole verdict applies to."""
        return []

    def faults(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield a fault for each parameter that cannot be right in *scenario*."""
        unknown = list(self.unknown_names(scenario))
        yield from unknown
        sites = [point.site for point in scenario.service.endpoints]
        if not unknown and sites and all(sites):  # else one could not be read
            yield from self.impossible(scenario)

    def impossible(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield what no network could make true; names are all known here."""
        yield from ()

    def unknown_names(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield a fault for each parameter that names no site or host of *scenario*."""
        sites = scenario.topology.sites
        # Without the names of one site's hosts nothing is said of any: what is not known may be there.
        whole = all(site.hosts for site in sites.values())
        known: Known = {"site": sites, "host": scenario.topology.site_of if whole else {}}
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


class PathVerb(Verb):
    """Base of verbs that send from one LAN host to another."""

    from_: Host = Field(alias="from", description="the LAN host that sends")
    to: Host = Field(description="the LAN host, at another site, that it sends to")

    def impossible(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield a path that does not cross the service."""
        source, target = self.from_, self.to
        served = {point.site for point in scenario.service.endpoints}
        sites = scenario.topology.site_of
        if not {source, target} <= sites.keys():
            return  # the hosts of a site could not be read
        for key, host in (("from", source), ("to", target)):
            if sites[host] not in served:
                yield Fault((key,), f"host {host!r} is at {sites[host]}, which is no end point of the service")
        if sites[source] == sites[target]:
            message = f"hosts {source!r} and {target!r} are on one LAN: what they send does not cross the service"
            yield Fault(("to",), message, "name a host of another site")


def _unknown(
    path: tuple[str | int, ...], value: object, what: str, known: Mapping[str, Collection[str]]
) -> Iterator[Fault]:
    if isinstance(value, str) and known[what] and value not in known[what]:
        yield Fault(path, f"no {what} {value!r} in the topology", nearest(value, known[what]))
