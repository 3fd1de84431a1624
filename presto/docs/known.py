"""What the examples are written for: the UNIs and services that the server has now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from presto import examples
from presto.core.core import Core
from presto.core.lifecycles import ServiceState
from presto.core.order_tables import ElementRow
from presto.core.orders import Orders
from presto.docs.schemas import Json
from presto.examples import FLOWS, POC, TYPES, Known, NotPossible
from presto.mef import show

_MOST = 200
"""Services, and enrolled things, that are looked at; the oldest are enough to write examples for."""


@dataclass(frozen=True)
class Standing:
    """The services, and the id of the last order."""

    services: Known
    order: str = ""


async def standing(core: Core, orders: Orders) -> Standing:
    """What the server has now."""
    things = [show.enrolled(state, ()) for state in await core.enrolled.states(core.enrolment.things[:_MOST])]
    elements, _ = await orders.elements([ElementRow.state != ServiceState.TERMINATED], 0, _MOST)
    _, total = await orders.orders([], 0, 0)
    last, _ = await orders.orders([], max(0, total - 1), 1)
    return Standing(Known([*things, *map(show.element, elements)]), last[0].id if last else "")


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
