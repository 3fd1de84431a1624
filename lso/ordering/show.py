"""Orders as tables, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.table import Column, Table
from rich.text import Text

from presto_api.mef.results import ServiceOrder, ServiceOrderItem
from presto_client import payload

STYLES = {"completed": "green", "failed": "bold red", "partial": "bold yellow", "rejected": "bold red"}
_IDENTIFIERS = ("sw_vc_identifier", "sw_vc_end_point_identifier", "uni_identifier", "ucs_identifier", "identifier")
_TYPE = 3
"""The part of a payload's URN that names its type, from the end."""


def as_json(model: BaseModel) -> Any:
    """A published type as the server sent it."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def print_json(document: Any) -> None:
    """Print a document for programs."""
    print(json.dumps(document, indent=2))


def order_table(orders: Iterable[ServiceOrder]) -> Table:
    """One line for each order."""
    table = Table(
        Column("ID", no_wrap=True), "STATE", "ORDERED", "ITEMS", "EXTERNAL ID", "DESCRIPTION", box=None, pad_edge=False
    )
    for order in orders:
        described = (order.external_id or "", order.description or "")
        table.add_row(order.id, state(order.state), when(order.order_date), _counts(order), *map(Text, described))
    return table


def item_table(order: ServiceOrder) -> Table:
    """One line for each item: what is ordered, its state, and why it failed."""
    table = Table("ITEM", "ACTION", "TYPE", "IDENTIFIER", "STATE", "WHY", box=None, pad_edge=False)
    for item in order.service_order_item:
        kind, identifier = what(item)
        table.add_row(item.id, item.action, kind, identifier, state(item.state), Text(why(item)))
    return table


def heading(order: ServiceOrder) -> Text:
    """The order in one line."""
    named = f"  {order.external_id}" if order.external_id else ""
    return Text.assemble(f"order {order.id}{named}  ", state(order.state))


def what(item: ServiceOrderItem) -> tuple[str, str]:
    """The type and the identifier of what an item orders; a deletion has the id of the service."""
    configuration = item.service.service_configuration
    if not configuration:
        return "", item.service.id or ""
    shape = payload(configuration)
    parts = str(configuration.get("@type", "")).split(":")
    kind = parts[-_TYPE] if len(parts) > _TYPE else ""
    identifiers = (getattr(shape, name, None) for name in _IDENTIFIERS)
    return kind, next((text for text in identifiers if text), "")


def why(item: ServiceOrderItem) -> str:
    """What the server says about an item that failed."""
    return "; ".join(error.value or "" for error in item.termination_error or ())


def state(name: str) -> Text:
    """A state in its colour."""
    return Text(name, style=STYLES.get(name, ""))


def when(moment: str | None) -> str:
    """A moment in local time, to the second."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _counts(order: ServiceOrder) -> str:
    done = sum(item.state == "completed" for item in order.service_order_item)
    return f"{done}/{len(order.service_order_item)}"
