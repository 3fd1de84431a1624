"""The generated OpenAPI documents against the published files, the routes and the answers of the server."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import Any, cast

import fastapi.routing
import jsonschema
import pytest

import standards
from presto.docs import mef, restconf
from presto.docs.app import DOCUMENTS
from presto.docs.examples import POC, TYPES
from presto.docs.restconf import INPUTS
from presto.docs.server_state import NOTHING, ServerState, inputs_of
from presto.mef.addresses import BASES
from presto.restconf.operations import OPERATIONS
from presto.web.app import create_app

API = pytest.mark.parametrize("api", ["ordering", "inventory"])
OURS = {413}
"""A body that is too large: what HTTP says of it needs no API."""

DIFFERENT = {
    "ordering": {"MefServiceConfiguration": "each type of W100 has a schema of its own"},
    "inventory": {
        "MefServiceConfiguration": "each type of W100 has a schema of its own",
        "ServiceOrderItemRef": "serviceOrderId is optional within an order, and there it is the same type",
    },
}
INLINED = re.compile(r".*(Type|Code|TimeUnit)|Error|PlaceRefOrQuery|.*_Common")
"""Enumerations and bases stand where they are used."""


published = cache(standards.load)


def members(schema: Any, every: Any) -> tuple[set[str], set[str]]:
    """The names of all members, and of the required ones, with those of the bases."""
    names, required = set(schema.get("properties", {})), set(schema.get("required", []))
    for base in schema.get("allOf", []):
        found = every[base["$ref"].split("/")[-1]] if "$ref" in base else base
        more, needed = members(found, every)
        names, required = names | more, required | needed
    return names, required


@API
def test_operations_are_the_published_ones(api: str) -> None:
    ours, theirs = mef.document(api, {}, {})["paths"], published(standards.mef(api))["paths"]
    assert {(path, method) for path, found in ours.items() for method in found} == {
        (path, method) for path, found in theirs.items() for method in found
    }
    for path, method, operation in [(p, m, o) for p, found in theirs.items() for m, o in found.items()]:
        mine = ours[path][method]
        assert mine["operationId"] == operation["operationId"]
        assert mine["tags"] == operation["tags"]
        statuses = {int(status) for status in mine["responses"]} - OURS
        assert statuses == {int(status) for status in operation["responses"]}, (path, method)
        queries = [{p["name"] for p in o.get("parameters", []) if p["in"] != "header"} for o in (mine, operation)]
        assert queries[0] == queries[1], (path, method)
        bodies = [list(o.get("requestBody", {}).get("content", {})) for o in (mine, operation)]
        assert bodies[0] == bodies[1]
        for status, answer in operation["responses"].items():
            headers = [set(found.get("headers", {})) for found in (mine["responses"][status], answer)]
            assert headers[0] == headers[1]


@API
def test_types_have_the_published_members(api: str) -> None:
    ours = mef.document(api, {}, {})["components"]["schemas"]
    theirs = published(standards.mef(api))["components"]["schemas"]
    compared = 0
    for name, schema in theirs.items():
        if name in DIFFERENT[api] or INLINED.fullmatch(name):
            continue
        assert members(ours[name], ours) == members(schema, theirs), name
        compared += 1
    assert compared >= 23


@API
def test_every_enumeration_is_the_published_one(api: str) -> None:
    text = str(mef.document(api, {}, {})["components"]["schemas"])
    for name, schema in published(standards.mef(api))["components"]["schemas"].items():
        for value in schema.get("enum", []):
            assert f"'{value}'" in text, (name, value)


def test_payloads_have_the_published_members() -> None:
    ours = mef.document("ordering", {}, {})["components"]["schemas"]
    for name in ("swVc", "swVcEndPoint", "sdWanUni", "ucs", "ucsUni", "ucsEndPoint"):
        schema = published(f"mef-lso-sdwan-schemas/schema/serviceSchema/sdWan/{name}.yaml")
        theirs = set(schema.get("properties", {})) | {"@type"}
        assert set(ours[name]["properties"]) - theirs <= {"ucsList"}, name
        assert theirs <= set(ours[name]["properties"]), name


@API
def test_every_route_is_documented_and_no_other(api: str, new_core: Any) -> None:
    found = set()
    contexts = getattr(fastapi.routing, "iter_route_contexts", iter)  # newer versions keep included routers apart
    (mounted,) = [route for route in create_app(new_core()).routes if getattr(route, "path", "") == "/mefApi"]
    for route in contexts(cast(Any, mounted).app.routes):
        for method in getattr(route, "methods", None) or ():
            if route.path.startswith(BASES[api]) and method != "HEAD":
                found.add((method.lower(), re.sub(r"\{\w+\}", "{id}", route.path.removeprefix(BASES[api]))))
    assert found == {(operation.method, operation.path) for operation in mef.OPERATIONS[api]}


def test_poc_operations_are_the_published_ones() -> None:
    ours, theirs = restconf.document({}), published(standards.PRESTO)
    assert set(ours["paths"]) == set(theirs["paths"])
    for path, found in theirs["paths"].items():
        mine = ours["paths"][path]["post"]
        assert mine["tags"] == found["post"]["tags"]
        assert ("200" in mine["responses"]) == (200 in found["post"]["responses"]), path
        given = [parameter["schema"]["properties"]["input"] for parameter in found["post"].get("parameters", [])]
        assert (mine["operationId"] in INPUTS) == bool(given), path


def test_poc_types_have_the_published_members() -> None:
    ours, theirs = (
        restconf.document({})["components"]["schemas"],
        published(standards.PRESTO)["definitions"],
    )
    compared, added = 0, {"tapi.connectivity.updateconnectivityservice.Input": {"swvc-service-attributes"}}
    for name, schema in ours.items():
        if name in theirs and name not in {"tapi.common.getserviceinterfacepointdetails.Output"}:
            names, required = members(theirs[name], theirs)
            assert set(schema["properties"]) - names == added.get(name, set()), name
            assert names <= set(schema["properties"]), name
            assert required == set(), name
            compared += 1
    assert compared >= 30


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_valid_and_whole(name: str) -> None:
    document = DOCUMENTS[name](NOTHING)
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert references == set(schemas), "every schema is there, and used"
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    pytest.importorskip("schemathesis").openapi.from_dict(document).validate()


def check(document: Any, method: str, path: str, answer: Any) -> None:
    """An answer has a documented status and the documented form."""
    documented = document["paths"][path][method]["responses"]
    assert str(answer.status_code) in documented, answer.text
    (content,) = documented[str(answer.status_code)]["content"].values()
    schema = {**content["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())


@pytest.mark.asyncio
async def test_every_example_works_in_its_turn_and_answers_are_as_documented(client: Any) -> None:
    base = f"/mefApi{BASES['ordering']}/serviceOrder"
    done = []
    for name in TYPES:
        document = (await client.http.get("/docs/ordering.json")).json()
        body = document["paths"]["/serviceOrder"]["post"]["requestBody"]["content"]["application/json;charset=utf-8"]
        assert body["examples"][name]["value"], (name, body["examples"][name]["summary"])
        schema = {**body["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(body["examples"][name]["value"])
        placed = await client.http.post(base, json=body["examples"][name]["value"])
        check(document, "post", "/serviceOrder", placed)
        assert placed.status_code == 201, (name, placed.text)
        async with asyncio.timeout(60):
            while (order := await client.http.get(f"{base}/{placed.json()['id']}")).json()["state"] != "completed":
                assert order.json()["state"] in {"acknowledged", "inProgress"}, order.text
                await asyncio.sleep(0.002)
        check(document, "get", "/serviceOrder/{id}", order)
        done.append(name)
        check(document, "get", "/serviceOrder", await client.http.get(base))
        inventory = (await client.http.get("/docs/inventory.json")).json()
        check(inventory, "get", "/service", await client.http.get(f"/mefApi{BASES['inventory']}/service"))
    check(document, "post", "/serviceOrder", await client.http.post(base, json={"serviceOrderItem": [{}]}))
    check(document, "get", "/serviceOrder/{id}", await client.http.get(f"{base}/none"))
    check(document, "get", "/serviceOrder", await client.http.get(base, params={"state": "done"}))
    assert len(done) == len(TYPES) == 7


IN_TURN = (
    "get-service-interface-point-list",
    "get-service-interface-point-details",
    "get-topology-list",
    "get-topology-details",
    "get-node-details",
    "get-node-edge-point-details",
    "get-link-details",
    "compute-p-2-p-path",
    "optimize-p-2-p-path",
    "delete-p-2-p-path",
    "create-connectivity-service",
    "get-connectivity-service-list",
    "get-connectivity-service-details",
    "get-connection-details",
    "update-connectivity-service",
    "update-service-interface-point",
    "delete-connectivity-service",
)


async def try_out(client: Any, document: Any, name: str) -> None:
    """Send an example; the answer is as documented, and the work that it orders is awaited."""
    operation = document["paths"][f"/operations/{name}/"]["post"]
    (body,) = operation["requestBody"]["content"].values()
    answer = await client.call(name, body["example"]["input"])
    assert answer.is_success, (name, answer.text)
    assert str(answer.status_code) in operation["responses"]
    if answer.content:
        (content,) = operation["responses"]["200"]["content"].values()
        schema = {**content["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
    if name in {"create-connectivity-service", "update-connectivity-service"}:
        await client.until("office", "active")


@pytest.mark.asyncio
@pytest.mark.parametrize("anew", [True, False], ids=["read anew", "read once"])
async def test_the_examples_of_the_poc_operations_work(client: Any, anew: bool) -> None:
    assert set(IN_TURN) == set(OPERATIONS)
    document = (await client.http.get("/docs/restconf.json")).json()
    for name in IN_TURN:
        await try_out(client, document, name)
        if anew:
            document = (await client.http.get("/docs/restconf.json")).json()
    await client.until_gone("office")


@pytest.mark.asyncio
async def test_a_second_service_can_be_made_with_the_example(client: Any) -> None:
    for name in ("office", "office-2"):
        await try_out(client, (await client.http.get("/docs/restconf.json")).json(), "create-connectivity-service")
        await client.until(name, "active")


def edge(name: str, underlay: str, *unis: str, locked: bool = False) -> Any:
    told = [{"id": f"id-{uni}", "name": uni, "locked": locked, "service": None} for uni in unis]
    return {"id": name, "wan": [{"port": "wan0", "underlay": underlay}], "unis": told}


def test_the_examples_are_about_two_edges_that_an_underlay_connects() -> None:
    edges = [
        edge("bare", "internet"),
        edge("alone", "lte", "lan0"),
        edge("near", "internet", "office", "guests"),
        edge("shut", "internet", "shut", locked=True),
        edge("far", "internet", "depot"),
    ]
    inputs = inputs_of(ServerState(POC, edges))
    assert inputs["get-node-edge-point-details"]["node-id-or-name"] == "near"
    assert inputs["optimize-p-2-p-path"]["path-id-or-name"] == "office--depot"
    ends = [
        end["swvc-endpoint-attributes"]["endpoint-uni"] for end in inputs["create-connectivity-service"]["end-point"]
    ]
    assert ends == ["id-office", "id-depot"]


def test_what_an_example_needs_is_said() -> None:
    paths = restconf.document(inputs_of(NOTHING))["paths"]
    for name, maker in (
        ("get-connection-details", "create-connectivity-service"),
        ("delete-p-2-p-path", "compute-p-2-p-path"),
    ):
        assert maker in paths[f"/operations/{name}/"]["post"]["description"]
