"""Scopes are operation ids, of every route; roles are sets of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI

import standards
from presto.auth.config import Client
from presto.auth.endpoint import PUBLIC
from presto.auth.guard import AuthGuard
from presto.auth.scopes import OPERATE, OPERATOR, READ, Catalogue, operation_id, walk
from presto.auth.security import Security
from presto.mef.addresses import BASES
from presto.restconf.operations import OPERATIONS
from presto.restconf.router import OPERATION_ID
from presto.service.core import Core
from presto.web.app import catalogue, create_app

from .conftest import HASHED, OURS, Door

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def app(new_core: Callable[..., Core], security: Security) -> FastAPI:
    return create_app(new_core(), security=security)


def test_every_route_has_an_operation_id(app: FastAPI) -> None:
    """Give a new route its operation_id: that is its scope, and without one it is refused to everybody."""
    without = [path for path, route in walk(app.router.routes) if not operation_id(route)]
    assert [path for path in without if path not in PUBLIC] == []


def test_the_scopes_are_the_published_operation_ids(app: FastAPI) -> None:
    operations = catalogue(app)
    for api, base in BASES.items():
        document = standards.load(standards.mef(api))
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                where = f"/mefApi{base}{path.replace('{id}', 'x')}"
                request = {"type": "http", "method": method.upper(), "path": where, "root_path": "", "headers": []}
                assert operations.scope(request) == operation["operationId"], (method, path)
    for name in OPERATIONS:
        request = {"type": "http", "method": "POST", "root_path": "", "headers": []}
        for spelling in (name, f"{OPERATIONS[name].module}:{name}", f"{name}/"):
            assert operations.scope({**request, "path": f"/restconf/operations/{spelling}"}) == name


def test_the_sets_name_operations_that_there_are(app: FastAPI) -> None:
    assert catalogue(app).scopes >= READ | OPERATE | OPERATOR


def test_roles_grow(app: FastAPI) -> None:
    operations = catalogue(app)
    read, operate, admin = (operations.role(role) for role in ("read", "operate", "admin"))
    assert read < operate < admin == operations.scopes
    assert {"serviceGet", "listServiceOrder", "get-connectivity-service-list", "getVersions"} <= read
    assert operate - read == OPERATE
    assert "update-service-interface-point" in admin - operate
    assert not any(scope.startswith(("create", "delete", "update", "register", "unregister")) for scope in read)


def test_what_belongs_to_all_is_for_no_tenant(app: FastAPI) -> None:
    operations = catalogue(app)
    tenants = Client(id="x", secret=HASHED, roles=("admin",), tenant="acme")
    assert operations.granted(tenants) == operations.scopes - OPERATOR


@pytest.mark.asyncio
async def test_a_route_without_a_scope_is_refused_to_everybody(door: Door) -> None:
    """Also to the operator, and told to the one who forgot it."""
    app = FastAPI(openapi_url=None)

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "open"

    operations = Catalogue(app.router.routes, {})
    door.operations = operations
    app.add_middleware(AuthGuard, security=door.security, catalogue=operations)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        answer = await http.get("/forgotten", headers={"authorization": f"Bearer {door.token('operator')}"})
    assert answer.status_code == 403
    assert "No client may use this operation" in answer.text


@pytest.mark.asyncio
async def test_no_route_answers_without_a_token(door: Door, app: FastAPI) -> None:
    for path, _ in walk(app.router.routes):
        for method in METHODS if path not in PUBLIC else ():
            assert (await door.http.request(method, plain(path))).status_code == 401, (method, path)


@pytest.mark.asyncio
async def test_every_operation_asks_for_its_scope(door: Door, app: FastAPI) -> None:
    """A token with all scopes but the one of the operation is refused by each operation."""
    asked = set()
    for path, method, scope in requests(app):
        token = door.security.minter.mint("operator", door.operations.scopes - {scope}, None, OURS)
        answer = await door.http.request(method, path, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 403, (method, path)
        assert method == "HEAD" or f"has no scope {scope}" in answer.text
        asked.add(scope)
    assert asked == door.operations.scopes - {"getEventKeys"}, "all but what is public"


def plain(path: str) -> str:
    return path.replace("{", "").replace("}", "")


def requests(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Path, method and scope of every operation."""
    for path, route in walk(app.router.routes):
        template = operation_id(route)
        for scope in OPERATIONS if template == OPERATION_ID else filter(None, [template]):
            for method in route.methods if path not in PUBLIC else ():
                yield plain(path.replace(OPERATION_ID, scope)), method, scope


@pytest.mark.asyncio
async def test_a_slash_in_a_name_opens_no_door(door: Door) -> None:
    """The scope of a path is looked up for the very path that is answered."""
    base = "/presto-sdwan/v1/service/a%2Fb"
    for method, path in (("PATCH", base), ("DELETE", base), ("PATCH", "/presto-sdwan/v1/service/a%2fb")):
        assert (await door.ask("acme-watch", method, path, json={})).status_code == 403
        assert (await door.ask("acme-portal", method, path, json={}, headers={"If-Match": "*"})).status_code == 404
    assert (await door.ask("acme-watch", "GET", base)).status_code == 404
    assert (await door.ask("lister", "GET", base)).status_code == 403
