"""What a request needs: the scope of an operation is its operation id, as in the published security variants.

This is the one place that says so. A route tells its id as `operation_id`; `{name}` there stands for the path's
parameter of that name, without a YANG module in front. A route without one is refused to everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, get_args

import fastapi.routing
from starlette.routing import BaseRoute, Match, Mount

from presto.auth.config import Client, Role

DEFAULT = "default"
"""The one scope that the published scheme lists: whoever asks for it means all that the client may do."""

OPERATE = frozenset(
    {
        "create-connectivity-service",
        "update-connectivity-service",
        "delete-connectivity-service",
        "compute-p-2-p-path",
        "optimize-p-2-p-path",
        "delete-p-2-p-path",
        "createServiceOrder",
        "registerListener",
        "unregisterListener",
        "patchService",
        "createBulk",
        "cancelServiceOrder",
        "deleteService",
    }
)
"""What `operate` may do besides reading. What is in neither is for `admin`: so a new operation is closed at first."""

READ = frozenset({"explain"})
"""What reads although its method does not say so. Paths are kept when they are computed, so that is no reading."""

OPERATOR = frozenset({"enrolEdge", "withdrawEdge", "getMetrics", "listOrphans", "removeOrphan"})
"""What shows or changes what belongs to all tenants: never for a client that has a tenant."""


class NoScope(Exception):
    """The route has no operation id."""


@dataclass(frozen=True)
class Operation:
    """An operation of the server: its scope, and whether it only reads."""

    scope: str
    reads: bool


class Catalogue:
    """The operations behind an application's routes. `named` lists what a parameter in an operation id can be."""

    def __init__(self, routes: Collection[BaseRoute], named: Mapping[str, Iterable[str]]) -> None:
        self._routes = routes
        self._named = {template: frozenset(names) for template, names in named.items()}
        self.operations = {
            operation.scope: operation for _, route in walk(routes) for operation in self._operations(route)
        }
        self.scopes = frozenset(self.operations)

    def scope(self, request: MutableMapping[str, Any]) -> str | None:
        """The scope that an HTTP request needs, None when no operation takes it. Raises NoScope."""
        return self._scope(self._routes, request)

    def granted(self, client: Client) -> frozenset[str]:
        """All that a client may do."""
        granted = {scope for scope in client.scopes if scope in self.scopes}
        for role in client.roles:
            granted |= self.role(role)
        return frozenset(granted - OPERATOR if client.tenant else granted)

    def role(self, role: Role) -> frozenset[str]:
        """The scopes of a role; each has those of the one before it."""
        return frozenset(scope for scope in self.scopes if _rank(self._least(scope)) <= _rank(role))

    def _least(self, scope: str) -> Role:
        if self.operations[scope].reads:
            return "read"
        return "operate" if scope in OPERATE else "admin"

    def _scope(self, routes: Iterable[BaseRoute], request: MutableMapping[str, Any]) -> str | None:
        for route in _flat(routes):
            match, inner = route.matches(request)
            if match is not Match.FULL:
                continue
            if isinstance(_original(route), Mount):
                return self._scope(_original(route).routes, {**request, **inner})
            template = operation_id(route)
            if template is None:
                raise NoScope
            if template in self._named:
                given = str(inner["path_params"][template.strip("{}")]).rpartition(":")[2]
                return given if given in self._named[template] else None
            return template
        return None

    def _operations(self, route: Any) -> Iterator[Operation]:
        template = operation_id(route)
        if template is None:
            return
        safe = set(route.methods or ()) <= {"GET", "HEAD"}
        for scope in self._named.get(template, (template,)):
            yield Operation(scope, safe or scope.startswith("get-") or scope in READ)


def walk(routes: Iterable[BaseRoute], base: str = "") -> Iterator[tuple[str, Any]]:
    """Every route below these with its path, those of mounted applications as well."""
    for route in _flat(routes):
        if isinstance(_original(route), Mount):
            yield from walk(_original(route).routes, base + route.path)
        else:
            yield base + route.path, route


def operation_id(route: Any) -> str | None:
    """The operation id that a route was given."""
    found: str | None = getattr(route, "operation_id", None)
    return found


def _flat(routes: Iterable[BaseRoute]) -> Iterable[Any]:
    """The routes with those of included routers, which newer versions of the framework keep apart."""
    return getattr(fastapi.routing, "iter_route_contexts", iter)(routes)


def _original(route: Any) -> Any:
    return getattr(route, "original_route", route)


def _rank(role: Role) -> int:
    return get_args(Role).index(role)
