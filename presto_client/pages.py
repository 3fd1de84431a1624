"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from presto_client.connection import Connection, document
from presto_client.errors import BadAnswer
from presto_client.reading import read

Record = TypeVar("Record", bound=BaseModel)
_SPECIAL = {
    "type": "@type",
    "service_order_id": "serviceOrder.id",
    "service_order_item_id": "serviceOrderItem.id",
    "geographic_site_id": "geographicSite.id",
    "geographic_address_id": "geographicAddress.id",
}


@dataclass(frozen=True)
class Page(Generic[Record]):
    """Some records, from the one at `offset` on, of `total` that match."""

    records: tuple[Record, ...]
    offset: int
    total: int


def fetch(
    connection: Connection,
    path: str,
    model: type[Record],
    filters: Mapping[str, Any],
    offset: int = 0,
    limit: int | None = None,
) -> Page[Record]:
    """The page of `model` that starts at `offset`. The server may give fewer records than `limit`.

    Raises as `Connection.request`, and BadAnswer.
    """
    params = {query_name(name): _text(value) for name, value in filters.items() if value is not None}
    params |= {"offset": str(offset)} if offset else {}
    params |= {"limit": str(limit)} if limit is not None else {}
    answer = connection.request("GET", path, params=params)
    records = document(answer)
    if not isinstance(records, list):
        raise BadAnswer(f"{path} was not answered with a list")
    total = answer.headers.get("X-Total-Count", "")
    known = int(total) if total.isdigit() else offset + len(records)
    return Page(tuple(read(model, record) for record in records), offset, known)


def follow(page: Callable[[int], Page[Record]]) -> Iterator[Record]:
    """The records of all pages."""
    offset = 0
    while records := (current := page(offset)).records:
        yield from records
        offset += len(records)
        if offset >= current.total:
            return


def query_name(name: str) -> str:
    """The published name of a filter: `order_date_gt` is `orderDate.gt`."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    stem, _, end = name.rpartition("_")
    words, suffix = (stem, f".{end}") if end in {"gt", "lt"} else (name, "")
    first, *others = words.split("_")
    return first + "".join(word.title() for word in others) + suffix


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.astimezone()
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
