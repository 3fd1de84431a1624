"""From the body of a POST to an acknowledged order, or to everything that is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from common.findings import Rejected
from presto.mef.preparing import Placement, ResourceStateChanged, own_id, prepare
from presto.persistence.idempotency import KeyedRequest
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import NotStored
from presto.service.core import Core
from presto.service.orders import ItemRecord, OrderRecord, Orders
from presto_api.lifecycles import OrderState
from presto_api.mef.problems import Refused


async def place(
    core: Core, orders: Orders, document: dict[str, Any], request: KeyedRequest | None = None
) -> OrderRecord:
    """Check an order completely and have it carried out. Raises Refused."""
    if earlier := await _earlier(core, orders, document):
        return earlier
    try:
        placement = await prepare(core, orders, document)
        try:
            return acknowledged(await core.accept(placement.change, request))
        except (Rejected, ResourceStateChanged) as fault:
            raise await placement.refusal(fault) from None
    except Refused:
        # The same order, sent twice at once, is in its own way.
        if earlier := await _earlier(core, orders, document):
            return earlier
        raise


async def place_all(
    core: Core,
    orders: Orders,
    documents: Sequence[dict[str, Any]],
    request: KeyedRequest | None = None,
    *,
    all_or_none: bool,
) -> list[OrderRecord | Refused | NotStored]:
    """As `place`, of several in one transaction, each checked as if those before it were stored.

    With `all_or_none` none is stored when one is refused; those that nothing is wrong with are `NotStored` then.
    """
    prepared = await asyncio.gather(*(_prepared(core, orders, document) for document in documents))
    changes = [
        one.change if isinstance(one, Placement) else partial(_refuse, refused=one)
        for one in prepared
        if not isinstance(one, OrderRecord)
    ]
    ends = iter(await core.accept_all(changes, request, all_or_none=all_or_none))
    return [
        one if isinstance(one, OrderRecord) else await _settled(core, orders, document, one, next(ends))
        for document, one in zip(documents, prepared, strict=True)
    ]


async def _prepared(core: Core, orders: Orders, document: dict[str, Any]) -> OrderRecord | Placement | Refused:
    try:
        return await _earlier(core, orders, document) or await prepare(core, orders, document)
    except Refused as refused:
        return refused


def _refuse(_unit: UnitOfWork, refused: Refused) -> None:
    raise refused


async def _settled(
    core: Core,
    orders: Orders,
    document: dict[str, Any],
    prepared: Placement | Refused,
    end: UnitOfWork | Exception,
) -> OrderRecord | Refused | NotStored:
    """What has become of one of several orders. Raises what has nothing to do with the order."""
    if isinstance(end, UnitOfWork):
        return acknowledged(end)
    if isinstance(end, NotStored):
        return end
    if isinstance(prepared, Refused):
        return await _earlier(core, orders, document) or prepared
    if not isinstance(end, Rejected | ResourceStateChanged):
        raise end
    return await _earlier(core, orders, document) or await prepared.refusal(end)


async def _earlier(core: Core, orders: Orders, document: dict[str, Any]) -> OrderRecord | None:
    """The order that was placed under the client's own id for this one, where that may stand for one order only."""
    wanted = own_id(core, document)
    return await orders.placed_as(wanted) if wanted else None


def acknowledged(unit: UnitOfWork) -> OrderRecord:
    """An order as it was stored; by now the work on it may have begun. Raises LookupError when it is not there."""
    if unit.order is None:
        raise LookupError("the transaction has stored no order")
    new = unit.order.order
    stand = tuple(ItemRecord(OrderState.ACKNOWLEDGED, element, None) for element in unit.order.elements)
    return OrderRecord(new.id, OrderState.ACKNOWLEDGED, unit.order.ordered, None, None, dict(new.document), stand)
