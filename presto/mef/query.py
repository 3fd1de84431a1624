"""Filters and paging of lists, as the query of the URL gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from common.findings import nearest
from common.text import STORABLE, not_storable
from presto_api.mef.problems import HttpError
from presto_api.mef.wire import moment

LARGEST_PAGE = 100
"""Records of one answer; who wants more asks for the next page."""

Parser = Callable[[str], Any]


@dataclass(frozen=True)
class Page:
    """Which records are wanted; `limit` is as asked."""

    offset: int = 0
    limit: int | None = None

    @property
    def size(self) -> int:
        """The most records that the answer has."""
        return LARGEST_PAGE if self.limit is None else min(self.limit, LARGEST_PAGE)

    def headers(self, total: int, count: int) -> dict[str, str]:
        """The three paging headers; the page is throttled when we, not the client, cut it short."""
        wanted = total - self.offset if self.limit is None else min(self.limit, total - self.offset)
        return {
            "X-Total-Count": str(total),
            "X-Result-Count": str(count),
            "X-Pagination-Throttled": "true" if wanted > count else "false",
        }


def one_of(values: tuple[str, ...]) -> Parser:
    """Takes these values only."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(nearest(text, values, "Values"))
        return text

    return parse


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise ValueError("Write a whole number from 0 on.")
    return int(text)


def no_query(request: Request) -> None:
    """For what is no list. Raises HttpError 400."""
    for name in request.query_params:
        reason = f'There is no query parameter "{name[:60]}"'
        raise HttpError(400, "invalidQuery", reason, "This operation takes none: lists do.")


def read_query(request: Request, known: Mapping[str, Parser]) -> tuple[dict[str, Any], Page]:
    """The given filters, parsed, and the page. Raises HttpError 400."""
    parsers: dict[str, Parser] = {**known, "offset": _number, "limit": _number}
    given: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name not in parsers:
            hint = nearest(name, parsers, "Known parameters")
            raise HttpError(400, "invalidQuery", f'There is no query parameter "{name[:60]}"', hint)
        if name in given:
            raise HttpError(400, "invalidQuery", f"Query parameter {name} stands twice", "Keep one.")
        if not text:
            raise HttpError(
                400, "missingQueryValue", f"Query parameter {name} has no value", "Give one or leave it out."
            )
        try:
            given[name] = parsers[name](text)
        except ValueError as error:
            reason = f'"{text[:60]}" is no value of {name}'
            raise HttpError(400, "invalidQuery", reason, str(error)) from None
    return given, Page(given.pop("offset", 0), given.pop("limit", None))


DATE = moment


def text(value: str) -> str:
    """Any text that can be stored. Raises ValueError."""
    if not_storable(value):
        raise ValueError(STORABLE)
    return value
