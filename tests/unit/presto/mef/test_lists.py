"""Lists: filters, pages, and queries that are refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import pytest_asyncio

from presto.mef.query import LARGEST_PAGE, Page, text

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
ORDERS, SERVICES = (
    "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder",
    "/mefApi/legato/serviceInventory/v7/service",
)
SWVC, END, UNI, UCS, UCS_UNI, UCS_END = (
    f"urn:mef:lso:spec:service:{name}:v0.0.3:all"
    for name in ("swvc", "swvc-end-point", "sd-wan-uni", "ucs", "ucs-uni", "ucs-end-point")
)
ENROLLED = 4 + 1 + 4 + 4


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_cannot_be_stored_is_looked_for_in_vain(value: str) -> None:
    with pytest.raises(ValueError, match="Leave NUL characters and lone surrogates out"):
        text(value)


@pytest_asyncio.fixture
async def ordered(mef: Any, example: Any, client: Any) -> Any:
    """Two services: the first complete, the second partial."""
    other = copy.deepcopy(example)
    for number, site in ((0, "site-c"), (1, "site-d")):
        other["serviceOrderItem"][number]["service"]["serviceConfiguration"]["uniIdentifier"] = f"{site}-lan0"
    other["serviceOrderItem"][2]["service"]["serviceConfiguration"]["swVcIdentifier"] = "acme-plant"
    other["serviceOrderItem"][2]["service"] |= {
        "externalId": "acme-plant",
        "serviceType": "SD-WAN",
        "place": [{"role": "HEAD", "place": {"@type": "GeographicSiteRef", "id": "plant"}}],
    }
    first = await mef.ended((await mef.place(example))["id"])
    client.network.faults.append({"site-d": "down"})
    return first, await mef.ended((await mef.place(other))["id"])


@pytest.mark.asyncio
@pytest.mark.usefixtures("database_url")
@on_both
async def test_orders_by_state_and_date(client: Any, ordered: Any) -> None:
    first, second = ordered
    for query, found in {
        "": [first, second],
        "state=completed": [first],
        "state=partial": [second],
        "state=held": [],
        f"orderDate.gt={first['orderDate']}": [second],
        f"orderDate.lt={second['orderDate']}": [first],
        f"startDate.gt={first['startDate']}&state=partial": [second],
        "completionDate.gt=2020-01-01T00:00:00Z": [first],
        "completionDate.lt=2020-01-01T00:00:00Z": [],
        "expectedCompletionDate.gt=2020-01-01T00:00:00Z": [],
        "offset=1": [second],
        "limit=1": [first],
        "limit=0": [],
        "offset=7": [],
    }.items():
        answer = await client.http.get(f"{ORDERS}?{query}")
        assert answer.json() == found, query


@pytest.mark.asyncio
@pytest.mark.usefixtures("database_url")
@on_both
async def test_services_by_every_filter(client: Any, ordered: Any) -> None:
    first, second = ordered
    plant = second["serviceOrderItem"][2]["service"]["id"]
    date = first["startDate"]
    for query, count in {
        "": ENROLLED + 6,
        "state=active": ENROLLED + 3 + 1,
        "state=reserved": 2,
        "state=terminated": 0,
        "externalId=acme-plant": 1,
        "externalId=acme": 0,
        "serviceType=SD-WAN": 1,
        f"@type={SWVC}": 2,
        f"@type={END}": 4,
        f"@type={UNI}": 4,
        f"@type={UCS}": 1,
        f"@type={UCS_UNI}": 4,
        f"@type={UCS_END}&state=active": 4,
        f"@type={UCS_END}&state=inactive": 0,
        "@type=urn:none": 0,
        "geographicSite.id=plant": 1,
        "geographicAddress.id=plant": 0,
        f"serviceOrder.id={second['id']}&serviceOrderItem.id=03": 1,
        f"serviceOrder.id={second['id']}&serviceOrderItem.id=01": 1,
        f"serviceOrder.id={second['id']}&serviceOrderItem.id=09": 0,
        f"serviceDate.gt={date}": 3,
        f"serviceDate.lt={date}": 3,
        f"startDate.gt={date}": 3 + 1,
        "endDate.gt=2020-01-01T00:00:00Z": 0,
        "startMode=1": 0,
    }.items():
        answer = await client.http.get(f"{SERVICES}?{query}")
        assert len(answer.json()) == count == int(answer.headers["X-Total-Count"]), query
    (found,) = (await client.http.get(f"{SERVICES}?geographicSite.id=plant")).json()
    assert found["id"] == plant


@pytest.mark.asyncio
@pytest.mark.usefixtures("database_url")
@on_both
async def test_pages_fit_together(client: Any, ordered: Any) -> None:
    whole = (await client.http.get(SERVICES)).json()
    pages = []
    for offset in range(0, 21, 3):
        answer = await client.http.get(f"{SERVICES}?offset={offset}&limit=3")
        assert answer.headers["X-Total-Count"] == "19"
        assert answer.headers["X-Result-Count"] == str(len(answer.json()))
        assert answer.headers["X-Pagination-Throttled"] == "false"
        pages += answer.json()
    assert pages == whole


@pytest.mark.parametrize(
    ("offset", "limit", "total", "count", "throttled"),
    [
        (0, None, 5, 5, "false"),
        (0, None, LARGEST_PAGE + 1, LARGEST_PAGE, "true"),
        (1, None, LARGEST_PAGE + 1, LARGEST_PAGE, "false"),
        (0, LARGEST_PAGE + 1, LARGEST_PAGE + 1, LARGEST_PAGE, "true"),
        (0, LARGEST_PAGE, LARGEST_PAGE + 1, LARGEST_PAGE, "false"),
        (9, 5, 5, 0, "false"),
    ],
)
def test_who_cut_the_page(offset: int, limit: int | None, total: int, count: int, throttled: str) -> None:
    page = Page(offset, limit)
    assert page.headers(total, count) == {
        "X-Total-Count": str(total),
        "X-Result-Count": str(count),
        "X-Pagination-Throttled": throttled,
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("offset=-1", "invalidQuery"),
        ("offset=x", "invalidQuery"),
        ("limit=1.5", "invalidQuery"),
        ("limit=2147483648", "invalidQuery"),
        ("limit=1&limit=2", "invalidQuery"),
        ("state=", "missingQueryValue"),
        ("state=running", "invalidQuery"),
        ("orderDate.gt=today", "invalidQuery"),
        ("colour=red", "invalidQuery"),
    ],
)
async def test_queries_that_are_refused(lasting_client: Any, query: str, code: str) -> None:
    answer = await lasting_client.http.get(f"{ORDERS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["serviceOrder.id", "serviceOrderItem.id"])
async def test_an_item_is_an_order_and_an_item(lasting_client: Any, name: str) -> None:
    answer = await lasting_client.http.get(f"{SERVICES}?{name}=1")
    assert (answer.status_code, answer.json()["code"]) == (400, "missingQueryParameter")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'{"a": 1, "a": 2}', "application/json"),
        (b'{"a": NaN}', "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"{}", "text/plain"),
        (b"{}", "application/json;charset=latin-1"),
    ],
)
async def test_bodies_that_are_none(lasting_client: Any, content: bytes, media: str) -> None:
    answer = await lasting_client.http.post(ORDERS, content=content, headers={"content-type": media})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidBody")
