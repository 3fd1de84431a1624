"""Queries say what the operation knows and nothing else: a filter that is misspelt must not show everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, get_args, get_origin

from fastapi import Request

from common.findings import MAX_REPORTED, Finding, Rejected, Tag, nearest


async def check_query(request: Request) -> None:
    """Check a query. Raises Rejected with each parameter that the operation does not have, or has once."""
    if findings := list(islice(_wrong(request), MAX_REPORTED + 1)):
        raise Rejected(findings)


def _wrong(request: Request) -> Iterator[Finding]:
    known = {field.alias: field.field_info.annotation for field in request.scope["route"].dependant.query_params}
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            text, hint = f'There is no query parameter "{name[:60]}"', nearest(name[:60], known, "Known parameters")
            yield Finding(Tag.UNKNOWN_ELEMENT, (name[:60],), text, hint)
        elif times > 1 and not _is_list(known[name]):
            yield Finding(Tag.INVALID_VALUE, (name,), f"Query parameter {name} stands {times} times", "Keep one.")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is list for part in (annotation, *get_args(annotation)))
