"""What the examples are written for: the UNIs and services that the server has now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import httpx
from starlette.types import ASGIApp

from presto import examples
from presto.docs.schemas import Json
from presto.examples import FLOWS, POC, TYPES, Known, NotPossible
from presto.mef.app import BASES
from presto.mef.query import LARGEST_PAGE


@dataclass(frozen=True)
class Standing:
    """The services, and the id of the last order."""

    services: Known
    order: str = ""


async def standing(app: ASGIApp, authorization: str | None) -> Standing:
    """What the application shows to whoever has these credentials; `NOTHING` where it shows nothing."""
    headers = {"Authorization": authorization} if authorization else {}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        services = await _newest(http, f"/mefApi{BASES['inventory']}/service")
        if services is None:
            return NOTHING
        orders = await _newest(http, f"/mefApi{BASES['ordering']}/serviceOrder")
    return Standing(Known(services), str(orders[-1]["id"]) if orders else "")


async def _newest(http: httpx.AsyncClient, path: str) -> list[Json] | None:
    """The first page of a list, where what is enrolled stands, and the last one; None when it is refused."""
    first = await http.get(path)
    if first.is_error:
        return None
    found: list[Json] = first.json()
    total = int(first.headers["X-Total-Count"])
    if total > len(found):
        rest = await http.get(path, params={"offset": max(len(found), total - LARGEST_PAGE)})
        found += rest.json() if rest.is_success else []
    return found


NOTHING = Standing(POC)
"""For those who may not see what the server has: as a lab of the PoC is at first."""


def orders_of(now: Standing, moment: datetime) -> dict[str, Json]:
    """Examples of the order's body; what is not possible now is told instead."""
    found: dict[str, Json] = {}
    for name in TYPES:
        try:
            value: Json = examples.example(name, now.services, moment)
        except NotPossible as error:
            found[name] = {"summary": f"{name}: {error}", "value": {}}
        else:
            found[name] = {"summary": f"{name}: {examples.summary(name)}", "value": value}
    possible = {name: example for name, example in found.items() if example["value"]}
    return {**possible, **found} if possible else found


def ids_of(now: Standing) -> dict[str, str]:
    """An id for the operations that take one."""
    services = [*now.services.swvcs, *now.services.unis]
    found = {"retrieveServiceOrder": now.order, "serviceGet": str(services[0]["id"]) if services else ""}
    return {operation: text for operation, text in found.items() if text}


def inputs_of(now: Standing) -> dict[str, Json]:
    """Inputs of the PoC's operations."""
    service = str(now.services.swvcs[0]["id"]) if now.services.swvcs else "office"
    unis = [str(uni["id"]) for uni in now.services.free_unis() or now.services.unis]
    named = {"service-id-or-name": service}
    created = _create(unis[:2])
    policies = {"policy": [{"policy-id": "business", "criteria": [_pair("ENCRYPTION", "Either")]}]}
    return {
        "get-service-interface-point-details": {"sip-id-or-name": unis[0] if unis else ""},
        "update-service-interface-point": {"sip-id-or-name": unis[-1] if unis else "", "state": "UNLOCKED"},
        "create-connectivity-service": created,
        "get-connectivity-service-details": named,
        "update-connectivity-service": {**named, "swvc-service-attributes": {"policies": policies}},
        "delete-connectivity-service": named,
    }


def _create(unis: list[str]) -> Json:
    """A service between two UNIs; telnet blocked, the rest encrypted."""
    names = [flow["applicationFlowName"] for flow in FLOWS]
    criteria = {
        "telnet": [_pair("PROTV4", "6"), _pair("DPORT", "23")],
        "web": [_pair("PROTV4", "6"), _pair("DPORT", "80", "443")],
    }
    ends = [
        {"local-id": f"end-{n}", "swvc-endpoint-attributes": {"endpoint-uni": uni}} for n, uni in enumerate(unis, 1)
    ]
    attributes = {
        "swvc-identifier": "office",
        "applications": {
            "application": [{"app-id": name, "criteria": criteria.get(name, [_pair("PROTV4", "1")])} for name in names]
        },
        "policies": {"policy": [{"policy-id": "business", "criteria": [_pair("ENCRYPTION", "Yes")]}]},
        "application-policy-mappings": {
            "mapping": [{"app-id": name, "policy-name": "block" if name == "telnet" else "business"} for name in names]
        },
    }
    return {"end-point": ends, "swvc-service-attributes": attributes}


def _pair(name: str, *parameters: str) -> Json:
    return {"pc-name": name, "pc-param": list(parameters)}
