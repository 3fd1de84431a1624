"""The scenario's side of the ordering and inventory APIs (MEF 99.1, MEF 135.1): HTTP only, errors as published."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from scenarios.file.format import Service
from scenarios.ordering.face import Details, Request, State, recording
from scenarios.ordering.order_items import SWVC_ITEM, add_items
from scenarios.ordering.presto_client import PrestoError

ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"
INVENTORY = "/mefApi/legato/serviceInventory/v7"
_UNDER_WAY = frozenset({"acknowledged", "inProgress", "pending", "held"})


class OrderingClient:
    """A client of one server that orders one service, and remembers the orders that it placed for it."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = url
        self.sent: list[Request] = []
        self._http = httpx.Client(base_url=url, timeout=timeout, event_hooks={"request": [recording(self.sent)]})
        self._order = self._removal = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def order(self, service: Service) -> str:
        """Place one order with the UNIs, the SWVC and its end points; returns the id of the SWVC's service."""
        placed = self._place(add_items(service))
        self._order = placed["id"]
        (swvc,) = [item["service"]["id"] for item in placed["serviceOrderItem"] if item["id"] == SWVC_ITEM]
        return str(swvc)

    def service(self, service_id: str) -> Details | None:
        """Return the order and the services that it made; nothing when the SWVC is terminated, by a completed order."""
        found = self._get(f"{INVENTORY}/service/{service_id}")
        if found["state"] == "terminated" and self._removed():
            return None
        order = self._get(f"{ORDERING}/serviceOrder/{self._order}")
        ids = [item["service"]["id"] for item in order["serviceOrderItem"]]
        services = [self._get(f"{INVENTORY}/service/{one}") for one in ids]
        return {"serviceOrder": order, "service": services}

    def ended(self, details: Details) -> bool:
        """Tell whether the order has come to its end."""
        return details["serviceOrder"]["state"] not in _UNDER_WAY

    def error(self, details: Details) -> str:
        """Return what the items say about their failure: the end points, where they say anything."""
        items = details["serviceOrder"]["serviceOrderItem"] if details else []
        own = [item for item in items if "swvc-end-point" in str(item["service"].get("serviceConfiguration"))]
        faults = [_faults(own), _faults(items)]
        return "; ".join(dict.fromkeys(next(filter(None, faults), [])))

    def states(self, details: Details) -> list[State]:
        """Return the states of the order, of its items and of the services in the inventory."""
        order = details.get("serviceOrder", {})
        states = [State("order", order.get("state"), "completed")]
        for item in order.get("serviceOrderItem", []):
            states.append(State(f"order item {item['id']}", item["state"], "completed"))
        for service in details.get("service", []):
            kind = service["serviceConfiguration"]["@type"].split(":")[-3]
            states.append(State(f"{kind} {service['id']}", service["state"], "active"))
        return states

    def delete(self, service_id: str) -> None:
        """Order the deletion of the SWVC, with which its end points go."""
        self._removal = self._place([{"id": "01", "action": "delete", "service": {"id": service_id}}])["id"]

    def _removed(self) -> bool:
        """Tell whether the order that deleted the service is completed; who else deleted it has no order here."""
        return not self._removal or self._get(f"{ORDERING}/serviceOrder/{self._removal}")["state"] == "completed"

    def _place(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        body, headers = order_body(items), {"Idempotency-Key": str(uuid4())}
        placed: dict[str, Any] = self._answer(self._http.post(f"{ORDERING}/serviceOrder", json=body, headers=headers))
        return placed

    def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._answer(self._http.get(path))
        return found

    def _answer(self, answer: httpx.Response) -> Any:
        if answer.is_error:
            request = f"{answer.request.method} {answer.request.url.path}"
            raise PrestoError(request, answer.status_code, _messages(answer))
        return answer.json()


def _faults(items: list[dict[str, Any]]) -> list[str]:
    return [fault["value"] for item in items for fault in item.get("terminationError", [])]


def order_body(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the order of these items that shall be carried out now."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"requestedStartDate": now, "requestedCompletionDate": now, "serviceOrderItem": items}


def _messages(answer: httpx.Response) -> tuple[str, ...]:
    try:
        found = answer.json()
        errors = found if isinstance(found, list) else [found]
        return tuple(f"{error.get('propertyPath', '')} {error['reason']}".strip() for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return (answer.text[:200],)
