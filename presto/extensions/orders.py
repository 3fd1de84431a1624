"""`/bulk` and `/serviceOrder/{id}/cancel`: what MEF 99 does not have for orders, over its own orders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import Field

from common.findings import Finding, Tag, told
from common.findings import Path as CorePath
from presto.extensions.problems import ProblemFinding, Refused, declared, shown_finding
from presto.mef import show
from presto.mef.placing import place_all
from presto.persistence.idempotency import KeyedRequest, keyed_request
from presto.persistence.writer import NotStored
from presto.service.core import Core
from presto.service.orders import OrderRecord, Orders
from presto.web.segments import Written
from presto_api.mef.problems import Refused as Unfit
from presto_api.wire import Wire

MAX_ORDERS = 100

OrderId = Annotated[str, Path(description="The id of the order", max_length=64), Written]
_ORDER = "A `ServiceOrder` of the ordering API (MEF 99)"


class Bulk(Wire):
    """Many orders in one request."""

    mode: Literal["atomic", "best-effort"] = Field(
        "atomic", description="Whether all are accepted or none, or all that can be, the first ones first"
    )
    orders: list[dict[str, Any]] = Field(
        min_length=1, max_length=MAX_ORDERS, description="Bodies of `createServiceOrder`, checked against one another"
    )


class BulkItem(Wire):
    """What became of one of the orders."""

    index: int = Field(description="Its place in the request, from 0 on")
    status: Literal["accepted", "refused"]
    order: dict[str, Any] | None = Field(description=_ORDER)
    findings: list[ProblemFinding] = Field(description="Everything that is wrong with it")


class BulkResult(Wire):
    """What became of the orders."""

    mode: Literal["atomic", "best-effort"]
    accepted: int
    refused: int
    results: list[BulkItem]


def orders_router(core: Core) -> APIRouter:
    """The operations on orders."""
    router = APIRouter(tags=["order"])
    orders = Orders(core.engine)
    some: dict[int | str, dict[str, Any]] = {
        207: {"model": BulkResult, "description": "Best effort, and not all were accepted"}
    }

    @router.post("/bulk", operation_id="createBulk", status_code=201, responses={**some, **declared(422)})
    async def bulk(form: Annotated[Bulk, Body()], request: Request, response: Response) -> BulkResult:
        """Place many orders in one go: all or none, or all that can be; the result says which, and why not others."""
        results = await _placed(core, orders, form, keyed_request(request.scope))
        refused = sum(result.status == "refused" for result in results)
        response.status_code = 207 if refused else 201
        return BulkResult(mode=form.mode, accepted=len(results) - refused, refused=refused, results=results)

    @router.post(
        "/serviceOrder/{order_id}/cancel",
        operation_id="cancelServiceOrder",
        responses={200: {"description": _ORDER}, **declared(404, 409, 422)},
    )
    async def cancel(order_id: OrderId, request: Request) -> dict[str, Any]:
        """Cancel an order: one that has not begun ends rejected; one under way is taken back, and ends failed."""
        await core.cancel(order_id, keyed_request(request.scope))
        found = await orders.order(order_id)
        if found is None:
            raise LookupError(f"order {order_id} is gone")
        return show.order(found)

    return router


async def _placed(core: Core, orders: Orders, form: Bulk, request: KeyedRequest | None) -> list[BulkItem]:
    """Place them in one transaction. Raises Refused with what is wrong with any order of an atomic bulk."""
    atomic = form.mode == "atomic"
    ends = await place_all(core, orders, form.orders, request, all_or_none=atomic)
    settled = [(number, end) for number, end in enumerate(ends) if not isinstance(end, NotStored)]
    unfit = [(number, end) for number, end in settled if isinstance(end, Unfit)]
    if atomic and (unfit or len(settled) < len(ends)):
        findings = [finding for number, end in unfit for finding in _findings(end, ("orders", number))]
        raise Refused(422, f"{len(unfit)} of {len(form.orders)} orders are refused, so none is accepted", findings)
    return [_item(number, end) for number, end in settled]


def _item(number: int, end: OrderRecord | Unfit) -> BulkItem:
    if isinstance(end, OrderRecord):
        return BulkItem(index=number, status="accepted", order=show.order(end), findings=[])
    found = [shown_finding(finding) for finding in told(_findings(end, ()))]
    return BulkItem(index=number, status="refused", order=None, findings=found)


def _findings(unfit: Unfit, place: CorePath) -> list[Finding]:
    """What the ordering API finds wrong, with its places inside the order at that place."""
    return [
        Finding(Tag.INVALID_VALUE, (*place, *problem.path), problem.text, problem.hint, problem.rule)
        for problem in unfit.problems
    ]
