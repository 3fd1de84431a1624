"""The scenario's side of the Presto API: HTTP only, the published RPCs, errors as RFC 8040 wrote them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

MEDIA_TYPE = "application/yang-data+json"


class PrestoError(Exception):
    """The API refused a request: *status* and the messages of its ``ietf-restconf:errors`` body."""

    def __init__(self, rpc: str, status: int, messages: tuple[str, ...]) -> None:
        self.rpc, self.status, self.messages = rpc, status, messages
        super().__init__(f"{rpc} was answered with {status}: {'; '.join(messages) or 'no reason given'}")


class PrestoClient:
    """A client of one Presto server (``presto-sdwan.yaml``, base path ``/restconf``)."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=timeout, headers={"Accept": MEDIA_TYPE})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, rpc: str, **members: Any) -> dict[str, Any]:
        """Call *rpc* with *members* (underscores become hyphens) as input and return its output object."""
        body = {"input": {name.replace("_", "-"): value for name, value in members.items()}}
        answer = self._http.post(f"/restconf/operations/{rpc}/", json=body, headers={"Content-Type": MEDIA_TYPE})
        if answer.is_error:
            raise PrestoError(rpc, answer.status_code, _messages(answer))
        output: dict[str, Any] = answer.json().get("output", {}) if answer.content else {}
        return output

    def unis(self) -> dict[str, str]:
        """Return the uuid of each service interface point by its TAPI name."""
        points = self.call("get-service-interface-point-list").get("sip", [])
        return {pair["value"]: point["uuid"] for point in points for pair in point.get("name", [])}

    def create(self, order: dict[str, Any]) -> str:
        """Order a connectivity service; returns its uuid."""
        service: dict[str, Any] = self.call("create-connectivity-service", **order)["service"]
        return str(service["uuid"])

    def service(self, uuid: str) -> dict[str, Any] | None:
        """Return the details of a service, or nothing when the API does not know it (any longer)."""
        try:
            found: dict[str, Any] = self.call("get-connectivity-service-details", service_id_or_name=uuid)["service"]
        except PrestoError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def delete(self, uuid: str) -> None:
        """Ask for the removal of a service."""
        self.call("delete-connectivity-service", service_id_or_name=uuid)


def _messages(answer: httpx.Response) -> tuple[str, ...]:
    try:
        errors = answer.json()["ietf-restconf:errors"]["error"]
    except (ValueError, KeyError, TypeError):
        return (answer.text[:200],)
    return tuple(f"{error.get('error-path', '')} {error.get('error-message', '')}".strip() for error in errors)
