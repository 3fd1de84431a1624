"""What is refused, with status, code, place and words: most cases change the order of the documentation.

`LSO_GOLDEN=write pytest tests/unit/presto/mef/test_refusals.py` writes the file anew; read the difference before you
commit.
"""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import Inventory

from .refused_changes import LATER
from .refused_orders import CASES

pytestmark = pytest.mark.asyncio
GOLDEN = Path(__file__).parent / "refusals.json"
TEXT = (Path(__file__).parents[4] / "docs" / "presto-mef.md").read_text(encoding="utf-8")
EXAMPLE: Any = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])

ORDERS, SERVICES = "/legato/serviceOrderingManagement/v6/serviceOrder", "/legato/serviceInventory/v7/service"
HUB = "/legato/serviceOrderingManagement/v6/hub"
JSON = "application/json"
# Other requests: method, path, and for POST the media type and the body.
REQUESTS: dict[str, tuple[str, ...]] = {
    "body-empty": ("POST", ORDERS, JSON, ""),
    "body-no-object": ("POST", ORDERS, JSON, "[]"),
    "body-cut-off": ("POST", ORDERS, JSON, '{"externalId": "1'),
    "body-member-twice": ("POST", ORDERS, JSON, '{"externalId": "1", "externalId": "2"}'),
    "body-of-no-number": ("POST", ORDERS, JSON, '{"externalId": NaN}'),
    "body-of-text": ("POST", ORDERS, "text/plain", "{}"),
    "body-in-latin-1": ("POST", ORDERS, "application/json;charset=latin-1", "{}"),
    "orders-in-unknown-state": ("GET", ORDERS + "?state=done"),
    "orders-of-no-state": ("GET", ORDERS + "?state="),
    "orders-of-no-date": ("GET", ORDERS + "?orderDate.gt=today"),
    "orders-state-twice": ("GET", ORDERS + "?state=held&state=failed"),
    "orders-unknown-filter": ("GET", ORDERS + "?colour=red"),
    "orders-offset-below-zero": ("GET", ORDERS + "?offset=-1"),
    "orders-limit-no-number": ("GET", ORDERS + "?limit=all"),
    "order-unknown": ("GET", ORDERS + "/none"),
    "orders-deleted": ("DELETE", ORDERS),
    "order-patched": ("PATCH", ORDERS + "/none"),
    "services-of-an-order-without-item": ("GET", SERVICES + "?serviceOrder.id=1"),
    "services-in-unknown-state": ("GET", SERVICES + "?state=up"),
    "service-unknown": ("GET", SERVICES + "/none"),
    "service-posted": ("POST", SERVICES, JSON, "{}"),
    "hub-without-callback": ("POST", HUB, JSON, "{}"),
    "hub-callback-no-url": ("POST", HUB, JSON, '{"callback": "client.example"}'),
    "hub-query-of-no-events": ("POST", HUB, JSON, '{"callback": "https://client.example", "query": "state=held"}'),
    "hub-query-of-unknown-event": ("POST", HUB, JSON, '{"callback": "https://client.example", "query": "eventType=x"}'),
    "hub-unknown": ("GET", HUB + "/none"),
    "hub-removed-twice": ("DELETE", HUB + "/none"),
    "path-unknown": ("GET", "/legato/serviceOrderingManagement/v6/orders"),
}


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    """Sites a and b on the Internet only, c and d on an MPLS network as well."""
    values = inventory.model_dump(mode="json")
    for number in (2, 3):
        port = {"port": "wan1", "underlay": "mpls", "address": f"192.0.2.{number}/24"}
        values["ucpes"][number]["wan"].append(port)
    return Inventory.model_validate(values)


async def test_refusals(mef: Any, client: Any) -> None:
    """One server for all cases: what is refused leaves nothing behind, which the next case would stumble over."""
    answers = {}
    for name, change in CASES.items():
        order = copy.deepcopy(EXAMPLE)
        change(order)
        answers[name] = {"status": 422, "errors": await mef.refused(order)}
        check_form(name, order, answers[name]["errors"])
    assert not client.network.calls
    assert not (await client.call("get-connectivity-service-list")).json()["output"]["service"]
    parts = await documented_service(mef, client)
    before = await mef.services()
    for name, change in LATER.items():
        order = copy.deepcopy(EXAMPLE)
        change(order)
        order = with_parts(order, parts)
        answers[name] = {"status": 422, "errors": await mef.refused(order)}
        check_form(name, order, answers[name]["errors"])
    assert await mef.services() == before
    for name, (method, path, *rest) in REQUESTS.items():
        body = {"content": rest[1], "headers": {"content-type": rest[0]}} if rest else {}
        answer = await mef.http.request(method, f"/mefApi{path}", **body)
        errors = answer.json() if answer.status_code == 422 else [answer.json()]
        answers[name] = {"status": answer.status_code, "errors": errors}
    if os.environ.get("LSO_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {name: answer for name, answer in answers.items() if answer != golden.get(name)} == {}


def check_form(name: str, order: Any, problems: Any) -> None:
    for problem in problems:
        assert len(problem["reason"]) <= 255
        assert points_into(order, problem) or problem["code"] == "missingProperty", (name, problem)


async def documented_service(mef: Any, client: Any) -> dict[str, Any]:
    """The parts of the service that the documented order makes, by the words that stand for them."""
    placed = await mef.ended((await mef.place(copy.deepcopy(EXAMPLE)))["id"])
    uni, _, swvc, end, _ = [item["service"]["id"] for item in placed["serviceOrderItem"]]
    by_name = {resource.name: resource.id for resource in client.core.enrolment.resources}
    ids = {
        "UNI": uni,
        "SWVC": swvc,
        "END-POINT": end,
        "UCS": by_name["internet"],
        "UCS-UNI": by_name["site-a-wan0"],
        "UCS-END": by_name["site-a-wan0-internet"],
        "FREE-UCS-UNI": by_name["site-d-wan1"],
    }
    return {word: await mef.service(service_id) for word, service_id in ids.items()}


def with_parts(order: Any, parts: dict[str, Any]) -> Any:
    """An order with services in place of words, and what is modified as it is but for what the case changes."""
    for entry in order["serviceOrderItem"]:
        service = entry["service"]
        service["id"] = parts[service["id"]]["id"] if service.get("id") in parts else service.get("id")
        if service["id"] is None:
            del service["id"]
        for other in service.get("serviceRelationship", ()):
            if other["service"]["id"] in parts:
                other["service"]["id"] = parts[other["service"]["id"]]["id"]
        if "as-it-is" in service:
            changes = service.pop("as-it-is")
            found = next(part for part in parts.values() if part["id"] == service["id"])
            service |= {name: found[name] for name in ("state", "serviceRelationship") if name in found}
            service["serviceConfiguration"] = {**found["serviceConfiguration"]}
            apply_changes(service, changes)
    return order


def apply_changes(service: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name == "relationships":
            service["serviceRelationship"] = list(value)
        elif name in {"state", "place"}:
            service[name] = value
        else:
            service["serviceConfiguration"][name] = value
    if service["state"] is None:
        del service["state"]


def points_into(document: Any, problem: dict[str, str]) -> bool:
    for part in problem["propertyPath"].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError):
            return False
    return True


async def test_the_table_covers_every_rule_code_and_status() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(golden) == [*CASES, *LATER, *REQUESTS]
    assert len(golden) >= 150
    errors = [error for answer in golden.values() for error in answer["errors"]]
    reasons = " ".join(error["reason"] for error in errors)
    for rule in (4, 7):
        assert re.search(rf"W100 R{rule}\b", reasons)
    for rule in (17, 18, 19, 20, 21, 34, 38, 39, 40, 41, 42, 43, 44, 45, 51, 52, 53, 54, 55):
        assert re.search(rf"MEF 70 (R\d+, )?R{rule}\b", reasons), rule
    for rule in (7, 20, 21, 24, 25, 29, 31, 32):
        assert re.search(rf"MEF 99.1 R{rule}\b", reasons), rule
    assert {answer["status"] for answer in golden.values()} == {400, 404, 405, 422}
    for status, codes in CODES.items():
        found = [error for answer in golden.values() if answer["status"] == status for error in answer["errors"]]
        assert {error.get("code") for error in found} == codes
        assert all(error["reason"] for error in found)
        assert all("propertyPath" in error for error in found) is (status == 422)


CODES = {
    400: {"invalidBody", "invalidQuery", "missingQueryParameter", "missingQueryValue"},
    404: {"notFound"},
    405: {None},
    422: {
        "missingProperty",
        "invalidValue",
        "invalidFormat",
        "referenceNotFound",
        "unexpectedProperty",
        "otherIssue",
    },
}
