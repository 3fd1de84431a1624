"""The published files: paths and operations, and answers that their own schemas accept."""

from __future__ import annotations

import copy
import re
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

import standards
from presto.mef.addresses import BASES
from presto.mef.hub import EVENTS
from presto_api.mef import envelope

pytestmark = pytest.mark.asyncio
JSON = "application/json;charset=utf-8"


@pytest.fixture(scope="module")
def published() -> Any:
    return {api: standards.load(standards.mef(api)) for api in BASES}


class Checked:
    """Sends requests and holds each answer against the file: status, media type, headers, schema."""

    def __init__(self, http: Any, published: Any) -> None:
        self.http, self.published = http, published
        self.operations: set[tuple[str, str, str]] = set()

    async def __call__(self, api: str, method: str, path: str, **body: Any) -> Any:
        answer = await self.http.request(method, f"/mefApi{BASES[api]}{path}", **body)
        template = re.sub(r"^/(\w+)/.+", r"/\1/{id}", path.partition("?")[0])
        responses = self.published[api]["paths"][template][method.lower()]["responses"]
        assert str(answer.status_code) in responses, (answer.status_code, answer.text)
        self.operations.add((api, method, template))
        response = responses[str(answer.status_code)]
        for name in response.get("headers", {}):
            assert name in answer.headers
        if "content" in response:
            assert answer.headers["content-type"] == JSON
            self.accepts(api, response["content"][JSON]["schema"], answer.json())
        return answer

    def accepts(self, api: str, schema: Any, document: Any) -> None:
        """With members that the file does not name forbidden, but in payloads, which have schemas of their own."""
        components = copy.deepcopy(self.published[api]["components"])
        taken = {"ServiceOrder_Common", "ServiceOrderItem_Common", "Error", "MefServiceConfiguration"}
        for name, component in components["schemas"].items():
            if name not in taken and "oneOf" not in component and ("properties" in component or "allOf" in component):
                component["unevaluatedProperties"] = False
        jsonschema.Draft202012Validator(
            {**schema, "components": components}, format_checker=jsonschema.FormatChecker()
        ).validate(document)


@pytest.fixture
def send(client: Any, published: Any) -> Checked:
    return Checked(client.http, published)


async def test_a_thousand_problems_are_told(client: Any, example: Any) -> None:
    swvc = example["serviceOrderItem"][2]["service"]["serviceConfiguration"]
    swvc["reservedPrefixes"] = [{}] * 40_000
    problems = (await client.http.post(f"/mefApi{BASES['ordering']}/serviceOrder", json=example)).json()
    assert len(problems) == 1001
    assert problems[-1]["reason"] == "More than 1000 things are wrong"
    example["serviceOrderItem"] = [{}] * 40_000
    (problem,) = (await client.http.post(f"/mefApi{BASES['ordering']}/serviceOrder", json=example)).json()
    assert problem["reason"] == "This takes 4000 at most"


async def test_every_published_operation_answers_as_published(send: Checked, mef: Any, example: Any) -> None:
    order = (await send("ordering", "POST", "/serviceOrder", json=example)).json()
    await mef.ended(order["id"])
    assert (await send("ordering", "GET", f"/serviceOrder/{order['id']}")).status_code == 200
    assert (await send("ordering", "GET", "/serviceOrder/none")).status_code == 404
    assert (await send("ordering", "GET", "/serviceOrder")).json()[0]["state"] == "completed"
    services = (await send("inventory", "GET", "/service")).json()
    assert len(services) == 13 + 3
    for service in services:
        assert (await send("inventory", "GET", f"/service/{service['id']}")).json() == service
    assert (await send("inventory", "GET", "/service/none")).status_code == 404
    for api, events in EVENTS.items():
        body = {"callback": "https://client.example/base", "query": f"eventType={events[0]},{events[1]}"}
        hub = (await send(api, "POST", "/hub", json=body)).json()
        assert (await send(api, "GET", f"/hub/{hub['id']}")).json() == {**body, "id": hub["id"]}
        other = next(name for name in EVENTS if name != api)
        assert (await send(other, "GET", f"/hub/{hub['id']}")).status_code == 404
        assert (await send(api, "DELETE", f"/hub/{hub['id']}")).status_code == 204
        assert (await send(api, "DELETE", f"/hub/{hub['id']}")).status_code == 404
        assert (await send(api, "GET", f"/hub/{hub['id']}")).status_code == 404
    everything = {
        (api, method.upper(), path)
        for api, document in send.published.items()
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert send.operations == everything


async def test_partial_orders_and_refusals_are_as_published(send: Checked, mef: Any, example: Any, client: Any) -> None:
    client.network.faults.append({"site-b": "down"})
    order = (await send("ordering", "POST", "/serviceOrder", json=example)).json()
    assert (await mef.ended(order["id"]))["state"] == "partial"
    assert (await send("ordering", "GET", f"/serviceOrder/{order['id']}")).status_code == 200
    assert (await send("ordering", "POST", "/serviceOrder", json=example)).status_code == 422
    assert (await send("ordering", "POST", "/serviceOrder", content=b"{")).status_code == 400
    assert (await send("ordering", "GET", "/serviceOrder?offset=x")).status_code == 400
    assert (await send("inventory", "GET", "/service?serviceOrder.id=1")).status_code == 400
    for api in EVENTS:
        assert (await send(api, "POST", "/hub", json={})).status_code == 422
        assert (await send(api, "POST", "/hub", json={"callback": "ftp://x"})).status_code == 422
        assert (await send(api, "POST", "/hub", json={"callback": "http://x", "query": "a=b"})).status_code == 422


MODELS: list[tuple[type[BaseModel], str]] = [
    (envelope.Order, "ServiceOrder_Create"),
    (envelope.OrderItem, "ServiceOrderItem_Create"),
    (envelope.ServiceValue, "ServiceValue"),
    (envelope.Note, "Note_BusSof"),
    (envelope.RelatedContact, "RelatedContactInformation"),
    (envelope.Contact, "ContactInformation"),
    (envelope.FieldedAddress, "FieldedAddressRepresentation"),
    (envelope.FormattedAddress, "FormattedAddressRepresentation"),
    (envelope.GeographicPoint, "GeographicPointRepresentation"),
    (envelope.Label, "LabelRepresentation"),
    (envelope.SubUnit, "SubUnit"),
    (envelope.RelatedPlace, "RelatedPlaceRefOrQuery"),
    (envelope.AddressRef, "GeographicAddressRef"),
    (envelope.SiteRef, "GeographicSiteRef"),
    (envelope.AddressQuery, "GeographicAddress_Query"),
    (envelope.ItemRef, "ServiceOrderItemRef"),
    (envelope.ItemRelationship, "ServiceOrderItemRelationship"),
    (envelope.ServiceRelationship, "ServiceRelationship"),
    (envelope.ServiceRef, "ServiceRef"),
    (envelope.OrderCoordinatedAction, "OrderCoordinatedAction"),
    (envelope.ItemCoordinatedAction, "OrderItemCoordinatedAction"),
    (envelope.OrderRelationship, "ServiceOrderRelationship"),
    (envelope.OrderRef, "ServiceOrderRef"),
    (envelope.Duration, "Duration"),
    (envelope.Subscription, "EventSubscriptionInput"),
]


def members(schemas: Any, schema: Any) -> tuple[set[str], set[str]]:
    """The members of a type and those that must be there, with what it takes in."""
    if "$ref" in schema:
        return members(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    names, required = set(schema.get("properties", {})), set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        more = members(schemas, part)
        names, required = names | more[0], required | more[1]
    return names, required


@pytest.mark.parametrize(("model", "name"), MODELS)
async def test_models_have_the_published_members(published: Any, model: type[BaseModel], name: str) -> None:
    schemas = published["ordering"]["components"]["schemas"]
    names, required = members(schemas, schemas[name])
    assert {str(field.alias) for field in model.model_fields.values()} == names
    assert {str(field.alias) for field in model.model_fields.values() if field.is_required()} == required


async def test_no_published_type_is_forgotten(published: Any) -> None:
    answers = re.compile(
        r"Error|.*(Type|TimeUnit|Common)$|EventSubscription$|ServiceOrder$|ServiceOrderItem$|Termination.*"
    )
    others = {"MefServiceConfiguration", "PlaceRefOrQuery"}
    left = {name for name in published["ordering"]["components"]["schemas"] if not answers.match(name)} - others
    assert left == {name for _, name in MODELS}


@pytest.mark.parametrize("api", BASES)
async def test_event_types_are_the_published_ones(api: str) -> None:
    document = standards.load(standards.mef(api, "notification"))
    assert {f"/listener/{event}" for event in EVENTS[api]} == set(document["paths"])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/legato/serviceOrderingManagement/v6/serviceOrder", 405),
        ("PATCH", "/legato/serviceOrderingManagement/v6/serviceOrder/1", 405),
        ("POST", "/legato/serviceInventory/v7/service", 405),
        ("GET", "/legato/serviceInventory/v7/hub", 405),
        ("GET", "/legato/serviceInventory/v6/service", 404),
        ("GET", "/other", 404),
        ("GET", "/legato/serviceOrderingManagement/v6/hub/%0Aa", 404),
        ("GET", "/legato/serviceInventory/v7/service/a%0A", 404),
    ],
)
async def test_what_is_not_published(lasting_client: Any, method: str, path: str, status: int) -> None:
    answer = await lasting_client.http.request(method, f"/mefApi{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json()["reason"]


@pytest.mark.asyncio(loop_scope="module")
async def test_all_methods_of_a_path_are_named(lasting_client: Any, published: Any) -> None:
    for api, document in published.items():
        for path, methods in document["paths"].items():
            answer = await lasting_client.http.request("PATCH", f"/mefApi{BASES[api]}{path}")
            assert answer.headers.get_list("allow") == [", ".join(sorted(methods)).upper()], path


async def test_a_fault_of_the_server_tells_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("presto.service.orders.Orders.orders", broken)
    answer = await client.http.get("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internalError"
    assert "secret" not in answer.text


@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_that_grows_too_big_is_refused(lasting_client: Any) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 40_000

    headers = {"content-type": "application/json"}
    answer = await lasting_client.http.post(
        "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", content=endless(), headers=headers
    )
    assert answer.status_code == 413
