"""The scenario's side of the Presto API: HTTP only, the published RPCs, errors as RFC 8040 wrote them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

from scenarios.file.format import Service
from scenarios.ordering.face import Details, Request, State, recording
from scenarios.ordering.order import create_input
from testbed.nodes.ucpe import LAN_PORT

MEDIA_TYPE = "application/yang-data+json"
UNI_SUFFIX = f"-{LAN_PORT}"


class PrestoError(Exception):
    """The API refused a request: *status* and the messages of its body."""

    def __init__(self, rpc: str, status: int, messages: tuple[str, ...]) -> None:
        self.rpc, self.status, self.messages = rpc, status, messages
        super().__init__(f"{rpc} was answered with {status}: {'; '.join(messages) or 'no reason given'}")


class PrestoClient:
    """A client of one Presto server (``presto-sdwan.yaml``, base path ``/restconf``)."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = url
        self.sent: list[Request] = []
        hooks = {"request": [recording(self.sent)]}
        self._http = httpx.Client(base_url=url, timeout=timeout, headers={"Accept": MEDIA_TYPE}, event_hooks=hooks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, rpc: str, **members: Any) -> dict[str, Any]:
        """Call *rpc* with *members* (underscores become hyphens) as input and return its output object.

        Raises PrestoError.
        """
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

    def order(self, service: Service) -> str:
        """Order a connectivity service; returns its uuid."""
        unis = {name.removesuffix(UNI_SUFFIX): uuid for name, uuid in self.unis().items()}
        created: dict[str, Any] = self.call("create-connectivity-service", **create_input(service, unis))["service"]
        return str(created["uuid"])

    def service(self, service_id: str) -> Details | None:
        """Return the details of a service, or nothing when the API does not know it (any longer)."""
        try:
            found: Details = self.call("get-connectivity-service-details", service_id_or_name=service_id)["service"]
        except PrestoError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def ended(self, details: Details) -> bool:
        """Tell whether the service works or the API gives the reason why not."""
        return details.get("operational-state") == "ENABLED" or bool(self.error(details))

    def error(self, details: Details) -> str:
        """Return the reason that stands among the names of a service that did not come up."""
        names = {pair.get("value-name"): pair.get("value", "") for pair in details.get("name", [])}
        return str(names.get("lso-error", ""))

    def states(self, details: Details) -> list[State]:
        """Return the three states of TAPI."""
        wanted = {"lifecycle-state": "INSTALLED", "operational-state": "ENABLED", "administrative-state": "UNLOCKED"}
        return [State(name, details.get(name), expected) for name, expected in wanted.items()]

    def delete(self, service_id: str) -> None:
        """Ask for the removal of a service."""
        self.call("delete-connectivity-service", service_id_or_name=service_id)


def _messages(answer: httpx.Response) -> tuple[str, ...]:
    try:
        errors = answer.json()["ietf-restconf:errors"]["error"]
    except (ValueError, KeyError, TypeError):
        return (answer.text[:200],)
    return tuple(f"{error.get('error-path', '')} {error.get('error-message', '')}".strip() for error in errors)
