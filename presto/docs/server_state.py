"""What the examples are written for: the uCPEs, UNIs and services that the server has now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
from starlette.types import ASGIApp

from presto.docs import examples
from presto.docs.examples import FLOWS, POC, TYPES, Known, NotPossible, site_of, uni_name
from presto.docs.schemas import Json
from presto.extensions.app import BASE as EXTENSIONS
from presto.mef.addresses import BASES
from presto.mef.query import LARGEST_PAGE
from presto.restconf.identity import UNDERLAYS
from presto.restconf.router import YANG_JSON


@dataclass(frozen=True)
class ServerState:
    """The services, the uCPEs (as `listEdges` shows them), the id of the last order, and that of a connection.

    The connection is one of the first service.
    """

    services: Known
    edges: Sequence[Json]
    order: str = ""
    connection: str = ""


async def server_state(app: ASGIApp, authorization: str | None, client: tuple[str, int] | None = None) -> ServerState:
    """What the application shows to whoever has these credentials, empty where it shows nothing."""
    headers = {"Authorization": authorization} if authorization else {}
    # What is refused is counted for the address that it came from.
    transport = httpx.ASGITransport(app, client=client or ("127.0.0.1", 0))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        services = await _newest(http, f"/mefApi{BASES['inventory']}/service")
        if services is None:
            return NOTHING
        orders = await _newest(http, f"/mefApi{BASES['ordering']}/serviceOrder")
        edges = await http.get(f"{EXTENSIONS}/edge")
        known = Known(services)
        return ServerState(
            known,
            edges.json() if edges.is_success else _supposed(known),
            str(orders[-1]["id"]) if orders else "",
            await _connection(http, known),
        )


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


async def _connection(http: httpx.AsyncClient, known: Known) -> str:
    """A connection of the first service; nothing where there is none to be seen."""
    if not known.swvcs:
        return ""
    body = {"input": {"service-id-or-name": known.swvcs[0]["id"]}}
    path, headers = "/restconf/operations/get-connectivity-service-details", {"Content-Type": YANG_JSON}
    shown = await http.post(path, json=body, headers=headers)
    found = shown.json()["output"]["service"].get("connection") if shown.is_success else None
    return str(found[0]["connection-uuid"]) if found else ""


def _supposed(known: Known) -> list[Json]:
    """The uCPEs for those who may not see them: one for each UNI that is free, named as in a lab."""
    return [
        {
            "id": site_of(uni),
            "wan": [{"port": "wan0", "underlay": "internet"}],
            "unis": [{"id": uni["id"], "name": uni_name(uni), "locked": False, "service": None}],
        }
        for uni in known.free_unis() or known.unis
    ]


NOTHING = ServerState(POC, _supposed(POC))
"""For those who may not see what the server has: as a lab of the PoC is at first."""


def orders_of(now: ServerState, moment: datetime) -> dict[str, Json]:
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


def ids_of(now: ServerState) -> dict[str, str]:
    """An id for the operations that take one."""
    services = [*now.services.swvcs, *now.services.unis]
    found = {"retrieveServiceOrder": now.order, "serviceGet": str(services[0]["id"]) if services else ""}
    return {operation: text for operation, text in found.items() if text}


def inputs_of(now: ServerState) -> dict[str, Json]:
    """Inputs of the PoC's operations, by their names; none where there are no UNIs."""
    ends = max(_ends(now.edges, _is_free), _ends(now.edges, _is_open), key=len)
    if not ends:
        return {}
    (edge, first), (_, last) = ends[0], ends[-1]
    unis, swvcs, new = [uni for _, uni in ends], now.services.swvcs, now.services.free_name("office")
    service = {"service-id-or-name": str(swvcs[0]["id"]) if swvcs else new}
    policies = {"policy": [{"policy-id": "business", "criteria": [_pair("ENCRYPTION", "Either")]}]}
    between = "--".join(uni["name"] for uni in unis)
    topology, path = {"topology-id-or-name": UNDERLAYS}, {"path-id-or-name": between}
    node = {**topology, "node-id-or-name": edge["id"]}
    return {
        "get-service-interface-point-details": {"sip-id-or-name": first["id"]},
        "update-service-interface-point": {"sip-id-or-name": last["id"], "state": "UNLOCKED"},
        "create-connectivity-service": _create(new, [uni["id"] for uni in unis]),
        "get-connectivity-service-details": service,
        "update-connectivity-service": {**service, "swvc-service-attributes": {"policies": policies}},
        "delete-connectivity-service": service,
        "get-connection-details": {**service, "connection-id-or-name": now.connection or between},
        "get-topology-details": topology,
        "get-node-details": node,
        "get-node-edge-point-details": {**node, "ep-id-or-name": first["name"]},
        "get-link-details": {**topology, "link-id-or-name": edge["wan"][0]["underlay"]},
        "compute-p-2-p-path": {"sep": [_sep(f"end-{n}", uni) for n, uni in enumerate(unis, 1)]},
        "optimize-p-2-p-path": {**path, "objective-function": {"concurrent-paths": "MINIMIZE"}},
        "delete-p-2-p-path": path,
    }


def _ends(edges: Sequence[Json], fits: Callable[[Json], bool]) -> list[tuple[Json, Json]]:
    """Two uCPEs that an underlay connects, each with a UNI that fits; one or none where there are no such two."""
    first: dict[str, tuple[Json, Json]] = {}
    for edge in edges:
        for uni in [*filter(fits, edge["unis"])][:1]:
            for wan in edge["wan"]:
                near = first.setdefault(wan["underlay"], (edge, uni))
                if near[0] is not edge:
                    return [near, (edge, uni)]
    return [*first.values()][:1]


def _is_open(uni: Json) -> bool:
    return not uni["locked"]


def _is_free(uni: Json) -> bool:
    return _is_open(uni) and uni["service"] is None


def _sep(local_id: str, uni: Json) -> Json:
    return {"local-id": local_id, "service-interface-point": {"service-interface-point-uuid": uni["id"]}}


def _create(name: str, unis: list[str]) -> Json:
    """A service of that name between two UNIs; telnet blocked, the rest encrypted."""
    names = [flow["applicationFlowName"] for flow in FLOWS]
    criteria = {
        "telnet": [_pair("PROTV4", "6"), _pair("DPORT", "23")],
        "web": [_pair("PROTV4", "6"), _pair("DPORT", "80", "443")],
    }
    ends = [
        {"local-id": f"end-{n}", "swvc-endpoint-attributes": {"endpoint-uni": uni}} for n, uni in enumerate(unis, 1)
    ]
    attributes = {
        "swvc-identifier": name,
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
