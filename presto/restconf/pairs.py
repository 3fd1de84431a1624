"""Pairs of `name`: what TAPI has no member for, and the states that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from presto.domain.model import ON_ITS_WAY_OUT, Service
from presto.domain.tunnels import Verdict

OURS = "lso-"
"""What the names of our own pairs begin with."""


def pairs(*entries: tuple[str, str | None]) -> list[dict[str, str]]:
    """The pairs that have a value."""
    return [{"value-name": name, "value": value} for name, value in entries if value is not None]


def observed(verdict: Verdict) -> tuple[tuple[str, str | None], ...]:
    """When something was observed, or why nothing is known of it; and why it does not work."""
    if verdict.works is None:
        return (("lso-observed", f"unknown: {verdict.reason}"),)
    moment = verdict.moment.strftime("%Y-%m-%dT%H:%M:%SZ") if verdict.moment else None
    return (("lso-observed", moment), ("lso-error", verdict.reason))


def operational(verdict: Verdict) -> dict[str, str]:
    """The operational state; there is no value for an unknown one, so then there is no member."""
    if verdict.works is None:
        return {}
    return {"operational-state": "ENABLED" if verdict.works else "DISABLED"}


def lifecycle(service: Service, *, working: bool) -> dict[str, str]:
    """The lifecycle state of a part of a service that works as ordered, or does not."""
    if service.state in ON_ITS_WAY_OUT:
        return {"lifecycle-state": "PENDING_REMOVAL"}
    return {"lifecycle-state": "INSTALLED" if working else "PLANNED"}


def published(document: Any) -> Any:
    """A document without pairs of ours."""
    if isinstance(document, list):
        return [published(element) for element in document]
    if not isinstance(document, Mapping):
        return document
    members = {name: published(member) for name, member in document.items()}
    if isinstance(members.get("name"), list):
        members["name"] = [pair for pair in members["name"] if not is_ours(pair)]
        if not members["name"]:
            del members["name"]
    return members


def is_ours(pair: Mapping[str, Any]) -> bool:
    """Whether only the server tells such a pair."""
    return str(pair.get("value-name", "")).startswith(OURS)
