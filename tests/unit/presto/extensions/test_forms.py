"""What is wrong with the form of a request: names that are not there, and values of every wrong kind, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import pytest
from pydantic import BaseModel, ValidationError

from orchestrator.inventory import Ucpe, Uni
from presto.extensions import words
from presto.extensions.edges import EdgeForm
from presto.extensions.explain import Question
from presto.extensions.orders import Bulk
from presto.extensions.services import ServiceForm

pytestmark = pytest.mark.asyncio(loop_scope="module")
RAW = re.compile(
    "Input should|Field required|Extra inputs|should (have|match)|Value error|Expected|not permitted in|not a valid|"
    + words.OTHERWISE
)
"""What validators and libraries say, and what we say for want of words."""
WRONG: tuple[Any, ...] = (
    "",
    " /?",
    "x" * 5000,
    -1,
    2**70,
    1.5,
    True,
    None,
    [],
    [1],
    [None],
    {},
    {"zz": 1},
    "10.0.0.300/24",
)
BASE = "/presto-sdwan/v1"


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(annotation):
        yield from models(part)


BODIES = sorted({*(m for top in (EdgeForm, ServiceForm, Bulk, Question, Ucpe, Uni) for m in models(top))}, key=str)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
async def test_every_wrong_value_has_its_sentence(model: type[BaseModel]) -> None:
    told = set()
    for values in ({}, {"zz": 1}, *({name: wrong} for name in _names(model) for wrong in WRONG)):
        with pytest.raises(ValidationError) as refused:
            model.model_validate({**values, "zzz": 1})
        for detail in refused.value.errors(include_url=False):
            found = words.finding(detail, model)
            told.add(found.message)
            assert not RAW.search(found.message), (detail, found)
            assert found.path == detail["loc"]
    assert any(message.startswith('There is no member "zzz" here') for message in told)
    assert len(told) > 2


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/service?limt=1", None, [("/limt", 'There is no query parameter "limt"', 'Did you mean "limit"?')]),
        ("GET", "/edge?x=1", None, [("/x", 'There is no query parameter "x"', "Known parameters: none.")]),
        ("GET", "/service?limit=1&limit=2", None, [("/limit", "Query parameter limit stands 2 times", "Keep one.")]),
        ("GET", "/service?limit=x", None, [("/limit", "This must be a whole number", "")]),
        ("GET", "/tunnel?echoes=99", None, [("/echoes", "This must be 50 or less", "")]),
        ("PATCH", "/service/a?f=1", {}, [("/f", 'There is no query parameter "f"', "Known parameters: none.")]),
        ("PATCH", "/service/a", {"mtuu": 1}, [("/mtuu", 'There is no member "mtuu" here', 'Did you mean "mtu"?')]),
        (
            "PATCH",
            "/service/a",
            {"endPoints": [{"identifier": 1, "rolle": "root"}]},
            [
                ("/endPoints/0/identifier", "This must be a JSON string", ""),
                ("/endPoints/0/uni", "uni is missing", "Give it."),
                ("/endPoints/0/rolle", 'There is no member "rolle" here', 'Did you mean "role"?'),
            ],
        ),
        (
            "POST",
            "/bulk",
            {"mode": "atomc", "orders": [{}]},
            [("/mode", "This is no value of the enumeration", 'Did you mean "atomic"?')],
        ),
        ("POST", "/bulk", [], [("", "This must be a JSON object", "")]),
        ("POST", "/bulk", None, [("", "The body is missing", "Give it.")]),
    ],
)  # fmt: skip
async def test_what_is_told(lasting_face: Any, method: str, path: str, body: Any, told: list[Any]) -> None:
    problem = await lasting_face.problem(method, path, 422, **({} if body is None else {"json": body}))
    assert [(one["pointer"], one["message"], one.get("hint", "")) for one in problem["findings"]] == told


async def test_no_operation_takes_parameters_that_it_does_not_have(lasting_face: Any) -> None:
    described = (await lasting_face.get("/openapi.json"))["paths"]
    for path, operations in described.items():
        for method in operations:
            full = re.sub(r"{\w+}", "x", path)
            content: dict[str, Any] = {} if method in {"get", "delete"} else {"json": {}}
            answer = await lasting_face.http.request(method, f"{BASE}{full}?unheardOf=1", **content)
            assert answer.status_code == 422, (method, path, answer.text)
            assert any(one["pointer"] == "/unheardOf" for one in answer.json()["findings"]), (method, path)


@pytest.mark.parametrize(
    ("content", "media", "status", "detail"),
    [
        (b'{"a":1,"a":2}', "application/json", 400, "The body is not JSON: member 'a' stands twice"),
        (b'{"mtu":NaN}', "application/json", 400, "The body is not JSON: NaN is no JSON value"),
        (b'{"mtu":', "application/json", 400, "The body is not JSON: Expecting value (character 7)"),
        (b"{}", "text/plain", 415, "Say what the body is: Content-Type: application/json"),
        (b"{}", "application/x-www-form-urlencoded", 415, "Say what the body is: Content-Type: application/json"),
        (b"{}", "", 415, "Say what the body is: Content-Type: application/json"),
        (b"{}", "application/merge-patch+json", 404, 'There is no service "a"'),
        (b"{}", "APPLICATION/JSON; charset=utf-8", 404, 'There is no service "a"'),
    ],
)  # fmt: skip
async def test_bodies_that_are_taken_in_one_way(
    lasting_face: Any, content: bytes, media: str, status: int, detail: str
) -> None:
    http: httpx.AsyncClient = lasting_face.http
    headers = {"if-match": "*", **({"content-type": media} if media else {})}
    answer = await http.request("PATCH", f"{BASE}/service/a", content=content, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


async def test_members_by_the_thousand_are_told_at_once(lasting_face: Any) -> None:
    problem = await lasting_face.problem("PATCH", "/service/a", 422, json={f"member-{n}": n for n in range(20_000)})
    assert len(problem["findings"]) == 1001
    assert problem["findings"][-1]["message"] == "More than 1000 things are wrong"
