"""The PoC's RESTCONF operations for connectivity services and service interface points."""

from __future__ import annotations

from typing import Any

from presto_api.restconf.messages import Service, ServiceListOutput, ServiceOutput, SipListOutput
from presto_api.restconf.sdwan import ServiceInterfacePoint
from presto_client.connection import Connection
from presto_client.errors import BadAnswer
from presto_client.reading import read

MEDIA = "application/yang-data+json"


class Connectivity:
    """Services as `/restconf` shows them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def services(self) -> list[Service]:
        """All services, oldest first."""
        return read(ServiceListOutput, self._call("get-connectivity-service-list")).service

    def service(self, id_or_name: str) -> Service:
        """One service by its id or a name. Raises NotFound."""
        values = {"service-id-or-name": id_or_name}
        return read(ServiceOutput, self._call("get-connectivity-service-details", values)).service

    def unis(self) -> list[ServiceInterfacePoint]:
        """All UNIs."""
        return read(SipListOutput, self._call("get-service-interface-point-list")).sip

    def _call(self, operation: str, values: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": MEDIA, "Accept": MEDIA}
        path = f"/restconf/operations/{operation}/"
        output = self._connection.json("POST", path, {"input": values or {}}, headers=headers)
        if not isinstance(output, dict) or "output" not in output:
            raise BadAnswer(f"{operation} was answered without an output")
        return output["output"]
