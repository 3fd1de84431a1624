"""Listeners: who wants to hear of which events."""

from __future__ import annotations

from itertools import islice
from urllib.parse import urlsplit

import httpx

from common.findings import MAX_REPORTED, nearest
from presto_api.mef.envelope import Subscription
from presto_api.mef.problems import Problem, Refused

EVENTS = {
    "ordering": (
        "serviceOrderCreateEvent",
        "serviceOrderStateChangeEvent",
        "serviceOrderItemStateChangeEvent",
        "serviceOrderInformationRequiredEvent",
    ),
    "inventory": (
        "serviceCreateEvent",
        "serviceStateChangeEvent",
        "serviceAttributeValueChangeEvent",
        "serviceDeleteEvent",
    ),
}


def event_types(api: str, query: str | None) -> tuple[str, ...]:
    """The types of event that a query names: `eventType=a,b` or `eventType=a&eventType=b`; none named is all.

    Raises Refused.
    """
    found: list[str] = []
    for part in (query or "").split("&") if (query or "").strip() else ():
        name, equals, values = part.partition("=")
        if name.strip() != "eventType" or not equals:
            hint = f"Write eventType={EVENTS[api][0]}, more types after commas."
            raise Refused([Problem("invalidFormat", ("query",), "The query names no event types", hint)])
        found += [value.strip() for value in values.split(",")]
    unknown = list(islice((value for value in found if value not in EVENTS[api]), MAX_REPORTED + 1))
    if unknown:
        problems = [
            Problem("invalidValue", ("query",), f'There is no event type "{value[:60]}"', nearest(value, EVENTS[api]))
            for value in unknown
        ]
        raise Refused(problems)
    return tuple(dict.fromkeys(found)) or EVENTS[api]


def check_callback(given: Subscription) -> None:
    """A callback is the base of an HTTP URL. Raises Refused."""
    try:
        url, sent = urlsplit(given.callback), httpx.URL(given.callback)
        # As a lookup encodes it: no label is empty or longer than 63 characters.
        usable = url.scheme in {"http", "https"} and bool(url.hostname and sent.raw_host.decode("ascii").encode("idna"))
        # A query or a fragment, even an empty one, ends the path that is continued; a user's name and password would be
        # shown to whoever reads the subscription.
        usable = usable and not ({"?", "#"} & set(given.callback) or url.username or url.password)
        usable = usable and (url.port is None or url.port > 0) and given.callback.isprintable()
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable:
        hint = "Write a base such as https://client.example/listenerEndpoint."
        raise Refused([Problem("invalidFormat", ("callback",), "This is no base of an HTTP URL", hint)])
