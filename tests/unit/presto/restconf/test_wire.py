"""The published interface: paths, wrappers, media types, and answers that its own definitions accept."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

import standards
from common.findings import MAX_REPORTED
from presto.restconf.operations import OPERATIONS
from presto.restconf.parse import parse_body, to_model
from presto_api.restconf import messages, sdwan, tapi_paths

YANG = "application/yang-data+json"
DETAILS = "get-connectivity-service-details"
SEPS = [
    {"local-id": name, "service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}}
    for name in "ab"
]
LIST = "/restconf/operations/get-connectivity-service-list"


@pytest.fixture(scope="module")
def published() -> Any:
    return standards.load(standards.PRESTO)


def closed(published: Any, wrapper: str) -> jsonschema.Draft202012Validator:
    """The published definition of an answer, with members that it does not name forbidden."""
    definitions = copy.deepcopy(published["definitions"])
    for definition in definitions.values():
        if "properties" in definition or "allOf" in definition:
            definition["unevaluatedProperties"] = False
    # A definition that others take in by allOf must stay open itself: the one that takes it in closes it.
    taken = {
        part["$ref"].rpartition("/")[2] for it in definitions.values() for part in it.get("allOf", ()) if "$ref" in part
    }
    for name in taken:
        definitions[name].pop("unevaluatedProperties", None)
    return jsonschema.Draft202012Validator({"$ref": f"#/definitions/{wrapper}", "definitions": definitions})


def answer_schema(published: Any, operation: str) -> str:
    responses = published["paths"][f"/operations/{operation}/"]["post"]["responses"]
    reference: str = responses[200]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def test_the_operations_are_the_published_ones(published: Any) -> None:
    assert {f"/operations/{name}/" for name in OPERATIONS} == set(published["paths"])
    tags = {path: entry["post"]["tags"] for path, entry in published["paths"].items()}
    assert {f"/operations/{name}/": [operation.module] for name, operation in OPERATIONS.items()} == tags


DEFINITIONS: list[tuple[type[BaseModel], str]] = [
    (messages.Service, "tapi.connectivity.createconnectivityservice.output.Service"),
    (messages.EndPoint, "tapi.connectivity.createconnectivityservice.input.EndPoint"),
    (messages.CreateInput, "tapi.connectivity.createconnectivityservice.Input"),
    (messages.PublishedUpdateInput, "tapi.connectivity.updateconnectivityservice.Input"),
    (messages.ServiceIdInput, "tapi.connectivity.deleteconnectivityservice.Input"),
    (messages.SipIdInput, "tapi.common.getserviceinterfacepointdetails.Input"),
    (messages.SipUpdateInput, "tapi.common.updateserviceinterfacepoint.Input"),
    (messages.ServiceListOutput, "tapi.connectivity.getconnectivityservicelist.Output"),
    (messages.SipListOutput, "tapi.common.getserviceinterfacepointlist.Output"),
    (messages.TopologyListOutput, "tapi.topology.gettopologylist.Output"),
    (messages.TopologyIdInput, "tapi.topology.gettopologydetails.Input"),
    (messages.TopologyOutput, "tapi.topology.gettopologydetails.Output"),
    (messages.NodeIdInput, "tapi.topology.getnodedetails.Input"),
    (messages.NodeOutput, "tapi.topology.getnodedetails.Output"),
    (messages.NodeEdgePointIdInput, "tapi.topology.getnodeedgepointdetails.Input"),
    (messages.NodeEdgePointOutput, "tapi.topology.getnodeedgepointdetails.Output"),
    (messages.LinkIdInput, "tapi.topology.getlinkdetails.Input"),
    (messages.LinkOutput, "tapi.topology.getlinkdetails.Output"),
    (messages.ConnectionIdInput, "tapi.connectivity.getconnectiondetails.Input"),
    (messages.ConnectionOutput, "tapi.connectivity.getconnectiondetails.Output"),
    (tapi_paths.ComputeInput, "tapi.path.computation.computep2ppath.Input"),
    (tapi_paths.OptimizeInput, "tapi.path.computation.optimizep2ppath.Input"),
    (tapi_paths.PathIdInput, "tapi.path.computation.deletep2ppath.Input"),
    (tapi_paths.PathOutput, "tapi.path.computation.computep2ppath.Output"),
    (tapi_paths.PathOutput, "tapi.path.computation.optimizep2ppath.Output"),
    (tapi_paths.PathOutput, "tapi.path.computation.deletep2ppath.Output"),
    (sdwan.ServiceInterfacePoint, "tapi.common.getserviceinterfacepointlist.output.Sip"),
]


def members(published: Any, definition: Any) -> dict[str, Any]:
    """The members of a definition with those that it takes in."""
    if "$ref" in definition:
        return members(published, published["definitions"][definition["$ref"].rpartition("/")[2]])
    found = dict(definition.get("properties", {}))
    for part in definition.get("allOf", ()):
        found.update(members(published, part))
    return found


def agree(published: Any, model: type[BaseModel], definition: Any, place: str) -> None:
    expected = members(published, definition)
    fields = {str(field.alias): field.annotation for field in model.model_fields.values()}
    assert set(fields) == set(expected), place
    for name, annotation in fields.items():
        agree_type(published, annotation, expected[name], f"{place}/{name}")


def agree_type(published: Any, annotation: Any, schema: Any, place: str) -> None:
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if "$ref" in schema:
        schema = published["definitions"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        item = get_args(parts[0])[0] if len(parts) == 1 and get_args(parts[0]) else parts[0]
        agree_type(published, item, schema["items"], f"{place}[]")
    elif "properties" in schema or "allOf" in schema:
        model = next(part for part in (annotation, *parts) if isinstance(part, type) and issubclass(part, BaseModel))
        agree(published, model, schema, place)
    elif "enum" in schema:
        values = next(get_args(part) for part in (annotation, *parts) if isinstance(get_args(part)[0], str))
        assert set(values) == set(schema["enum"]), place
    else:
        kind = {"string": "str", "integer": "int", "boolean": "bool"}[schema["type"]]
        assert kind in str(annotation), place


@pytest.mark.parametrize(("model", "name"), DEFINITIONS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_the_models_are_the_published_definitions(published: Any, model: type[BaseModel], name: str) -> None:
    """Every member, enumeration value and type, all the way down."""
    agree(published, model, published["definitions"][name], name)


def test_update_adds_the_sdwan_attributes_and_nothing_else(published: Any) -> None:
    expected = members(published, published["definitions"]["tapi.connectivity.updateconnectivityservice.Input"])
    ours = {str(field.alias) for field in messages.UpdateInput.model_fields.values()}
    assert ours == {*expected, "swvc-service-attributes"}


@pytest.mark.asyncio
async def test_answers_satisfy_the_published_definitions(client: Any, order: dict[str, Any], published: Any) -> None:
    order["end-point"][1]["swvc-endpoint-attributes"]["policy-overrides"] = {
        "policy-override": [{"app-id": "web", "policy-name": "block"}]
    }
    client.network.faults.append({"site-b": "no space left"})
    calls: list[tuple[str, Any]] = [
        ("create-connectivity-service", order),
        ("get-connectivity-service-list", None),
        (DETAILS, {"service-id-or-name": "acme"}),
        ("update-connectivity-service", {"service-id-or-name": "acme", "state": "UNLOCKED"}),
        ("get-service-interface-point-list", None),
        ("get-service-interface-point-details", {"sip-id-or-name": "site-a-lan0"}),
        ("get-topology-list", None),
        ("get-topology-details", {"topology-id-or-name": "underlays"}),
        ("get-topology-details", {"topology-id-or-name": "acme"}),
        ("get-node-details", {"topology-id-or-name": "acme", "node-id-or-name": "site-a"}),
        (
            "get-node-edge-point-details",
            {"topology-id-or-name": "underlays", "node-id-or-name": "site-a", "ep-id-or-name": "site-a-lan0"},
        ),
        ("get-link-details", {"topology-id-or-name": "underlays", "link-id-or-name": "internet"}),
        ("get-connection-details", {"service-id-or-name": "acme", "connection-id-or-name": "a--b"}),
        ("compute-p-2-p-path", {"sep": SEPS, "routing-constraint": {"diversity-policy": "LINK"}}),
        ("optimize-p-2-p-path", {"path-id-or-name": "site-a-lan0--site-b-lan0"}),
        ("delete-p-2-p-path", {"path-id-or-name": "site-a-lan0--site-b-lan0"}),
    ]
    for operation, values in calls:
        answer = await client.call(operation, values)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == YANG
        closed(published, answer_schema(published, operation)).validate(answer.json())
        if operation.startswith("create"):
            await client.until("acme", "partial")


def test_the_closed_definitions_catch_what_is_not_published(published: Any) -> None:
    validator = closed(published, "tapi.connectivity.getconnectivityservicedetails.OutputWrapper")
    good = {"output": {"service": {"uuid": "x", "end-point": [{"local-id": "a"}]}}}
    validator.validate(good)
    for bad in (
        {"output": {"service": {"uid": "x"}}},
        {"output": {"service": {"end-point": [{"localid": "a"}]}}},
        {"output": {"service": {"lifecycle-state": "READY"}}},
    ):
        assert not validator.is_valid(bad), bad


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("module", ["", "tapi-connectivity:"])
async def test_both_spellings_of_a_path(lasting_client: Any, end: str, module: str) -> None:
    answer = await lasting_client.http.post(f"/restconf/operations/{module}get-connectivity-service-list{end}")
    assert (answer.status_code, answer.json()) == (200, {"output": {"service": []}})


@pytest.mark.asyncio
async def test_members_may_carry_their_module(client: Any, order: dict[str, Any]) -> None:
    """As YANG's own JSON encoding writes them (RFC 7951 section 4)."""
    order["mef-sdwan-connectivity:swvc-service-attributes"] = order.pop("swvc-service-attributes")
    for end_point in order["end-point"]:
        attributes = end_point.pop("swvc-endpoint-attributes")
        end_point["mef-sdwan-connectivity:swvc-endpoint-attributes"] = attributes
    content = json.dumps({"tapi-connectivity:input": order})
    path = "/restconf/operations/tapi-connectivity:create-connectivity-service"
    answer = await client.http.post(path, content=content, headers={"content-type": YANG})
    assert answer.status_code == 200, answer.text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [
        (None, 200, YANG),
        ("*/*", 200, YANG),
        ("application/*;q=0.5", 200, YANG),
        ("application/json", 200, "application/json"),
        ("text/html, Application/JSON;q=0.1", 200, "application/json"),
        (f"application/json, {YANG}", 200, YANG),
        ("application/xml", 406, YANG),
        ("application/json;q=0", 406, YANG),
    ],
)
async def test_the_answer_has_an_accepted_media_type(
    lasting_client: Any, accept: str | None, status: int, media: str
) -> None:
    request = lasting_client.http.build_request("POST", LIST)
    request.headers.pop("accept")
    if accept is not None:
        request.headers["accept"] = accept
    answer = await lasting_client.http.send(request)
    assert (answer.status_code, answer.headers["content-type"]) == (status, media)


def error_of(answer: Any) -> tuple[int, str, str]:
    (error,) = answer.json()["ietf-restconf:errors"]["error"]
    return answer.status_code, error["error-tag"], error["error-message"]


MALFORMED, NOT_JSON = (400, "malformed-message"), "The body is not JSON: "
BODIES: list[tuple[str, bytes, str | None, tuple[int, str], str]] = [
    ("text", b"hello", YANG, MALFORMED, NOT_JSON + "Expecting value"),
    ("not UTF-8", b'{"input":{"a":"\xff"}}', YANG, MALFORMED, "The body is not UTF-8."),
    ("array", b"[]", YANG, MALFORMED, 'The body must be an object with the member "input".'),
    ("twice", b'{"input":{"a":1,"a":2}}', YANG, MALFORMED, NOT_JSON + "member 'a' stands twice."),
    ("infinite", b'{"input":{"a":Infinity}}', YANG, MALFORMED, NOT_JSON + "Infinity is no JSON value."),
    (
        "long number",
        b'{"input":{"a":' + b"9" * 5000 + b"}}",
        YANG,
        MALFORMED,
        NOT_JSON + "a number of 5000 characters is too long.",
    ),
    ("cut off", b'{"input":' + b'{"a":' * 40, YANG, MALFORMED, NOT_JSON + "Expecting value"),
    ("very deep", b"[" * 200_000, YANG, MALFORMED, "The body is nested deeper than 32 levels."),
    ("deep", b'{"a":' * 40 + b"1" + b"}" * 40, YANG, MALFORMED, "The body is nested deeper than 32 levels."),
    (
        "other member",
        b'{"inptu":{}}',
        YANG,
        (400, "unknown-element"),
        'There is no member "inptu" here.',
    ),
    ("null input", b'{"input":null}', YANG, (400, "invalid-value"), "null is no value. Leave the member out."),
    (
        "surrogate for a name",
        b'{"input":{"\\ud800":"a"}}',
        YANG,
        (400, "invalid-value"),
        "The name of a member has characters that YANG strings cannot hold.",
    ),
    (
        "surrogate for a name at the top",
        b'{"\\udfff":{}}',
        YANG,
        (400, "invalid-value"),
        "The name of a member has characters that YANG strings cannot hold.",
    ),
    ("text input", b'{"input":"x"}', YANG, (400, "invalid-value"), "The input must be an object."),
    ("form", b"a=1", "application/x-www-form-urlencoded", (415, "invalid-value"), f"POST {LIST}: Send {YANG}"),
    ("plain text", b'{"input":{}}', "text/plain", (415, "invalid-value"), f"POST {LIST}: Send {YANG}"),
    ("no type", b'{"input":{}}', None, (415, "invalid-value"), f"POST {LIST}: Say what the body is"),
    ("too long", b" " * ((1 << 20) + 1), YANG, (413, "too-big"), "The body is larger than 1048576 bytes."),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("content", "media", "expected", "text"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
async def test_bodies_that_are_refused(
    lasting_client: Any, content: bytes, media: str | None, expected: tuple[int, str], text: str
) -> None:
    answer = await lasting_client.http.post(LIST, content=content, headers={"content-type": media} if media else {})
    status, tag, message = error_of(answer)
    assert (status, tag) == expected
    assert message.startswith(text)


@pytest.mark.asyncio(loop_scope="module")
async def test_so_many_errors_are_told_and_no_more(lasting_client: Any) -> None:
    order = {"end-point": [1] * (MAX_REPORTED + 7)}
    answer = await lasting_client.call("create-connectivity-service", order)
    assert answer.status_code == 400
    *errors, last = answer.json()["ietf-restconf:errors"]["error"]
    assert len(errors) == MAX_REPORTED
    assert errors[-1]["error-path"] == f"/tapi-connectivity:input/end-point[{MAX_REPORTED}]"
    # That there are no attributes is the eighth.
    text = "More than 1000 things are wrong. Correct these first."
    assert last == {"error-type": "application", "error-tag": "invalid-value", "error-message": text}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_without_announced_length_is_counted(lasting_client: Any) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 65536

    answer = await lasting_client.http.post(LIST, content=endless(), headers={"content-type": YANG})
    assert error_of(answer)[:2] == (413, "too-big")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path", "status", "tag"),
    [
        ("GET", LIST, 405, "operation-not-supported"),
        ("DELETE", LIST, 405, "operation-not-supported"),
        ("POST", "/restconf/data", 405, "operation-not-supported"),
        ("POST", "/restconf/data/no:such", 404, "invalid-value"),
        ("GET", "/docs/..", 404, "invalid-value"),
        ("GET", "/openapi.json", 404, "invalid-value"),
        ("POST", "/restconf/operations/%00", 404, "invalid-value"),
    ],
)
async def test_other_paths_and_methods(lasting_client: Any, method: str, path: str, status: int, tag: str) -> None:
    answer = await lasting_client.http.request(method, path)
    assert error_of(answer)[:2] == (status, tag)
    assert answer.headers["content-type"] == YANG


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", ""])
async def test_other_host_names_are_refused(lasting_client: Any, host: str) -> None:
    answer = await lasting_client.http.post(LIST, headers={"host": host})
    assert error_of(answer)[:2] == (403, "access-denied")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8181", "127.0.0.1:1", "[::1]:8181", "[::1]"])
async def test_loopback_host_names_are_served(lasting_client: Any, host: str) -> None:
    assert (await lasting_client.http.post(LIST, headers={"host": host})).status_code == 200


@pytest.mark.asyncio
async def test_a_fault_of_the_server_tells_nothing_of_its_inside(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr(client.core, "services", broken)
    answer = await client.http.post(LIST)
    assert error_of(answer) == (500, "operation-failed", "The server failed. See its log.")


@pytest.mark.asyncio
async def test_the_documented_order_is_accepted(client: Any) -> None:
    page = (Path(__file__).parents[4] / "docs" / "presto-api.md").read_text(encoding="utf-8")
    content = page.split("```json\n", 1)[1].split("```", 1)[0]
    path = "/restconf/operations/create-connectivity-service/"
    answer = await client.http.post(path, content=content, headers={"content-type": YANG})
    assert answer.status_code == 200, answer.text
    await client.until("acme-office", "active")


def test_wrong_elements_of_nested_lists_are_all_found() -> None:
    """The first takes its list along; the others are somewhere in what is gone."""
    constraint = [{"preferred-restoration-layer": [1, "ETH"]}, 5, {"preferred-restoration-layer": ["ETH", 2]}]
    parsed = parse_body(json.dumps({"input": {"resilience-constraint": constraint}}).encode())
    order, findings = to_model(messages.UpdateInput, parsed)
    assert (order.resilience_constraint, len(findings)) == (None, 3)
