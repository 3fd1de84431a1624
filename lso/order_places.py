"""Where the scenario file has what an API's finding is about: by the place in the body that was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from common.findings import Path
from scenarios.file.format import Service
from scenarios.ordering.order_items import MEMBERS

Places = dict[Path, Path]
SERVICE: Path = ("service",)
END_POINTS: Path = ("service", "endpoints")
MAPPINGS: Path = ("service", "mappings")
_ATTRIBUTES: Path = ("input", "swvc-service-attributes")
_CONFIGURATION: Path = ("service", "serviceConfiguration")


def place(path: Path, places: Places) -> Path:
    """Return the place of the longest part of *path* that is known."""
    return next(places[path[:length]] for length in range(len(path), -1, -1) if path[:length] in places)


def in_the_rpc(service: Service) -> Places:
    """Return the places of ``create_input``."""
    places = {(): SERVICE, ("input",): END_POINTS, _ATTRIBUTES: SERVICE}
    places |= {(*_ATTRIBUTES, "swvc-identifier"): (*SERVICE, "name"), (*_ATTRIBUTES, "mtu"): (*SERVICE, "mtu")}
    for key, member, name in (("applications", "application", "app-id"), ("policies", "policy", "policy-id")):
        for index, entry in enumerate(getattr(service, key)):
            here, there = (*_ATTRIBUTES, key, member, index), (*SERVICE, key, index)
            places |= {here: there, (*here, name): (*there, "id"), (*here, "criteria"): (*there, "criteria")}
            for number, (criterion, value) in enumerate(entry.criteria.items()):
                inner, outer = (*here, "criteria", number), (*there, "criteria", criterion)
                places[inner] = outer
                if isinstance(value, list):
                    places |= {(*inner, "pc-param", item): (*outer, item) for item in range(len(value))}
    places |= _numbered((*_ATTRIBUTES, "application-policy-mappings", "mapping"), MAPPINGS, service.mappings)
    for index, point in enumerate(service.endpoints):
        here, there = ("input", "end-point", index), (*END_POINTS, index)
        overrides = (*here, "swvc-endpoint-attributes", "policy-overrides", "policy-override")
        places |= {here: (*there, "site"), **_numbered(overrides, (*there, "overrides"), point.overrides)}
    return places


def in_the_order(service: Service) -> Places:
    """Return the places of the order that ``add_items`` gives: UNIs, the SWVC, end points."""
    number = count()
    item = "serviceOrderItem"
    places: Places = {(): SERVICE, (item,): END_POINTS}
    places |= {(item, next(number)): (*END_POINTS, index, "site") for index in range(len(service.endpoints))}
    places |= _in_the_swvc((item, next(number), *_CONFIGURATION), service)
    for index, point in enumerate(service.endpoints):
        here: Path = (item, next(number))
        there: Path = (*END_POINTS, index)
        places[here] = (*there, "site")
        for entry, (application, overridden) in enumerate(_mapped(service, point.overrides)):
            base: Path = (*there, "overrides") if overridden else MAPPINGS
            places[(*here, *_CONFIGURATION, "policyMap", entry)] = (*base, application)
    return places


def _in_the_swvc(here: Path, service: Service) -> Places:
    places = {
        here: SERVICE,
        (*here, "swVcIdentifier"): (*SERVICE, "name"),
        (*here, "virtualTopologiesList"): END_POINTS,
    }
    for key, member, name, criteria in (
        ("applications", "applicationFlowSpecificationList", "applicationFlowName", "applicationFlowCriteria"),
        ("policies", "policyList", "polName", "polCl"),
    ):
        places[(*here, member)] = (*SERVICE, key)
        for index, entry in enumerate(getattr(service, key)):
            inner, outer = (*here, member, index), (*SERVICE, key, index)
            places |= {inner: outer, (*inner, name): (*outer, "id"), (*inner, criteria): (*outer, "criteria")}
            names = [criterion for criterion in entry.criteria if criterion in MEMBERS]
            places |= {(*inner, criteria, 0, MEMBERS[one]): (*outer, "criteria", one) for one in names}
    return places


def _mapped(service: Service, overrides: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the applications of an end point's policy map in their order, and whether it overrides the service's."""
    for application in service.applications:
        if application.id in overrides or application.id in service.mappings:
            yield application.id, application.id in overrides


def _numbered(here: Path, there: Path, names: Iterable[str]) -> Places:
    return {(*here, number): (*there, name) for number, name in enumerate(names)}
