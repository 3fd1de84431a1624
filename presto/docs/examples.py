"""Complete orders that work, one for each type: written for the UNIs and services that a server has now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Any

Json = dict[str, Any]
_TYPE = "urn:mef:lso:spec:service:{}:v0.0.3:all"
_OF_SWVC, _TO_UNI = "ENDPOINT_OF_SWVC", "CONNECTS_TO_SDWAN_UNI"
_ACCESS = ("ENDPOINT_OF_UCS", "CONNECTS_TO_UCS_UNI")
_LAN = "-lan0"
_TERM = timedelta(minutes=5)
FLOWS: list[Json] = [
    {"applicationFlowName": "telnet", "applicationFlowCriteria": [{"protv4": [6], "tcpUdpDestinationPortList": [23]}]},
    {
        "applicationFlowName": "web",
        "applicationFlowCriteria": [{"protv4": [6], "tcpUdpDestinationPortList": [80, 443]}],
        "applicationFlowGroup": {"name": "office"},
    },
    {"applicationFlowName": "ping", "applicationFlowCriteria": [{"protv4": [1]}]},
]
POLICY_MAP: list[Json] = [
    {"applicationFlow": [{"applicationFlowName": "telnet"}], "policy": {"polName": "block"}},
    {"applicationFlowGroup": [{"name": "office"}], "policy": {"polName": "business"}},
    {"applicationFlow": [{"applicationFlowName": "ping"}], "policy": {"polName": "business"}},
]


class NotPossible(Exception):
    """The server has not what this order is about; the text says what to order first."""


@dataclass(frozen=True)
class Known:
    """The services of the inventory (`Service` of MEF 135.1) that orders can be about: none that is terminated."""

    services: Sequence[Mapping[str, Any]] = ()
    unis: list[Json] = field(init=False)
    swvcs: list[Json] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unis", list(self._of("uniIdentifier")))
        object.__setattr__(self, "swvcs", list(self._of("swVcIdentifier")))

    def end_points(self, swvc: Mapping[str, Any]) -> list[Json]:
        """The end points of an SWVC."""
        return [end for end in self._of("swVcEndPointIdentifier") if _related(end, _OF_SWVC) == swvc["id"]]

    def free_unis(self) -> list[Json]:
        """The UNIs that no end point holds."""
        held = {_related(end, _TO_UNI) for end in self._of("swVcEndPointIdentifier")}
        return [uni for uni in self.unis if uni["id"] not in held and uni["state"] == "active"]

    def free_name(self, name: str) -> str:
        """The name, with a number where a service has it already."""
        taken = {swvc["serviceConfiguration"]["swVcIdentifier"] for swvc in self.swvcs}
        return next(free for free in chain([name], (f"{name}-{number}" for number in count(2))) if free not in taken)

    def get(self, service_id: str | None) -> Json | None:
        """The service of that id."""
        return next((dict(service) for service in self.services if service["id"] == service_id), None)

    def accesses(self) -> list[tuple[Json, Json, Json]]:
        """The end points of underlays, each with its underlay and its UNI there."""
        found: list[tuple[Json, Json, Json]] = []
        for end in self._of("endPointBackup"):
            ucs, uni = (self.get(_related(end, role)) for role in _ACCESS)
            if ucs and uni:
                found.append((end, ucs, uni))
        return found

    def _of(self, member: str) -> Iterator[Json]:
        for service in self.services:
            if service["state"] != "terminated" and member in service.get("serviceConfiguration", {}):
                yield dict(service)


POC = Known(
    tuple(
        {"id": name, "state": "active", "serviceConfiguration": {"uniIdentifier": name}}
        for name in ("site-a-lan0", "site-b-lan0")
    )
)
"""What a lab of scenarios/poc-two-sites has before the first order, as far as orders speak of it."""


def add_service(known: Known) -> list[Json]:
    """A service between two sites: their UNIs, the SWVC and its end points; telnet blocked, the rest encrypted."""
    unis = known.free_unis()[:2]
    if len(unis) < 2:
        raise NotPossible("There are no two UNIs that are free: delete a service first.")
    sites = [site_of(uni) for uni in unis]
    configuration = {
        "@type": _TYPE.format("swvc"),
        "swVcIdentifier": known.free_name("offices"),
        "virtualTopologiesList": [
            {"vtName": "everybody", "vtType": "MPT_TO_MPT", "vtEp": {"multipointToMultipoint": sites}}
        ],
        "policyList": [
            {"polName": "business", "polCl": [{"encryptionType": "REQUIRED_ALWAYS", "internetBreakout": "DISABLED"}]}
        ],
        "applicationFlowSpecificationGroupList": [{"name": "office"}],
        "applicationFlowSpecificationList": FLOWS,
    }
    swvc = _add("swvc", {"name": "Two offices", "serviceConfiguration": configuration})
    ends = [_first_end_point(site) for site in sites]
    return [*(_uni(f"uni-{site_of(uni)}", uni) for uni in unis), swvc, *ends]


def add_site(known: Known) -> list[Json]:
    """A further site of a service: its UNI, its end point, and the SWVC's topology with it."""
    free = known.free_unis()
    if not free or not known.swvcs:
        raise NotPossible("There is no service, or no UNI that is free for a further site of it.")
    swvc, site = known.swvcs[0], site_of(free[0])
    like = next((end["serviceConfiguration"].get("policyMap") for end in known.end_points(swvc)), None)
    end = _end_point("end-point", site, {_TO_UNI: "uni"}, like)
    end["service"]["serviceRelationship"] = [_to_service(_OF_SWVC, swvc["id"])]
    return [_uni("uni", free[0]), end, *_with_ends(known, swvc, lambda names: [*names, site])]


def modify_service(known: Known) -> list[Json]:
    """A service's SWVC with a flow more; the whole payload is replaced, so all of it is given."""
    swvc = _first_swvc(known)
    configuration = dict(swvc["serviceConfiguration"])
    flows = configuration.get("applicationFlowSpecificationList", [])
    criteria = [{"protv4": [17], "tcpUdpDestinationPortList": [53]}]
    added = [] if _named(flows, "dns") else [{"applicationFlowName": "dns", "applicationFlowCriteria": criteria}]
    configuration["applicationFlowSpecificationList"] = [*flows, *added]
    return [_modify("01", swvc, configuration)]


def modify_end_point(known: Known) -> list[Json]:
    """An end point of a service that blocks the last flow of its policy map where it enters there."""
    swvc = _first_swvc(known)
    end = next((end for end in known.end_points(swvc)[::-1] if end["serviceConfiguration"].get("policyMap")), None)
    if end is None:
        raise NotPossible("No end point has a policy map: add a service first.")
    configuration = dict(end["serviceConfiguration"])
    *entries, last = configuration["policyMap"]
    configuration["policyMap"] = [*entries, {**last, "policy": {"polName": "block"}}]
    return [_modify("01", end, configuration)]


def delete_site(known: Known) -> list[Json]:
    """A site less of a service that has three or more, and the SWVC's topology without it."""
    swvc = next((swvc for swvc in known.swvcs if len(known.end_points(swvc)) > 2), None)
    if swvc is None:
        raise NotPossible("There is no service with three sites: add one first.")
    last = known.end_points(swvc)[-1]
    gone = last["serviceConfiguration"]["swVcEndPointIdentifier"]
    topology = _with_ends(known, swvc, lambda names: [name for name in names if name != gone])
    return [_delete("end-point", last["id"]), *topology]


def add_access(known: Known) -> list[Json]:
    """An access to an underlay, as it is enrolled: the UCS, the UNI there and the end point that joins them."""
    found = next(iter(known.accesses()), None)
    if found is None:
        raise NotPossible("No access to an underlay is enrolled.")
    end, ucs, uni = ({"serviceConfiguration": service["serviceConfiguration"]} for service in found)
    pairs = zip(_ACCESS, ("ucs", "uni"), strict=True)
    related = [{"relationshipType": role, "orderItem": {"itemId": item}} for role, item in pairs]
    joined = {**_add("end-point", end), "serviceOrderItemRelationship": related}
    return [_add("ucs", ucs), _add("uni", uni), joined]


def delete_service(known: Known) -> list[Json]:
    """A service with its end points."""
    return [_delete("01", _first_swvc(known)["id"])]


TYPES: Mapping[str, Callable[[Known], list[Json]]] = {
    "add-service": add_service,
    "add-site": add_site,
    "modify-service": modify_service,
    "modify-end-point": modify_end_point,
    "delete-site": delete_site,
    "delete-service": delete_service,
    "add-access": add_access,
}
"""The types of order by name."""


def summary(name: str) -> str:
    """What an order of that type does, in one sentence."""
    return (TYPES[name].__doc__ or "").strip()


def example(name: str, known: Known, now: datetime) -> Json:
    """A complete order of that type (`ServiceOrder_Create`), to be carried out at once. Raises NotPossible."""
    return {
        "description": summary(name).split(":")[0].split(";")[0].rstrip("."),
        "requestedStartDate": _instant(now),
        "requestedCompletionDate": _instant(now + _TERM),
        "serviceOrderItem": TYPES[name](known),
    }


def _first_swvc(known: Known) -> Json:
    found = next((swvc for swvc in known.swvcs if len(known.end_points(swvc)) > 1), None)
    if found is None:
        raise NotPossible("There is no service: add one first.")
    return found


def _with_ends(known: Known, swvc: Json, change: Callable[[list[str]], list[str]]) -> list[Json]:
    """The SWVC's modification where its topology names the end points, so that it names those that will be."""
    configuration = dict(swvc["serviceConfiguration"])
    names = [end["serviceConfiguration"]["swVcEndPointIdentifier"] for end in known.end_points(swvc)]
    topologies = configuration.get("virtualTopologiesList")
    if not topologies or "multipointToMultipoint" not in topologies[0]["vtEp"]:
        return []
    configuration["virtualTopologiesList"] = [{**topologies[0], "vtEp": {"multipointToMultipoint": change(names)}}]
    return [_modify("swvc", swvc, configuration)]


def site_of(uni: Json) -> str:
    """The site of a UNI, as UNIs are named in a lab."""
    return uni_name(uni).removesuffix(_LAN)


def uni_name(uni: Json) -> str:
    """The name of a UNI."""
    return str(uni["serviceConfiguration"]["uniIdentifier"])


def _uni(item: str, uni: Json) -> Json:
    configuration = {
        "@type": _TYPE.format("sd-wan-uni"),
        "uniIdentifier": uni_name(uni),
        "l2Interface": {"l2InterfaceType": "UT_PT"},
        "maxL2FrameSize": 1522,
    }
    place = {"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": site_of(uni)}}
    return _add(item, {"place": [place], "serviceConfiguration": configuration})


def _first_end_point(site: str) -> Json:
    return _end_point(f"end-point-{site}", site, {_OF_SWVC: "swvc", _TO_UNI: f"uni-{site}"}, POLICY_MAP)


def _end_point(item: str, site: str, related: Mapping[str, str], policy_map: list[Json] | None) -> Json:
    configuration: Json = {"@type": _TYPE.format("swvc-end-point"), "swVcEndPointIdentifier": site}
    if policy_map:
        configuration["policyMap"] = policy_map
    relationships = [{"relationshipType": role, "orderItem": {"itemId": other}} for role, other in related.items()]
    return {**_add(item, {"serviceConfiguration": configuration}), "serviceOrderItemRelationship": relationships}


def _add(item: str, service: Json) -> Json:
    return {"id": item, "action": "add", "service": {"state": "active", **service}}


def _modify(item: str, service: Json, configuration: Json) -> Json:
    """A service as it is, with another payload: what is not said again would be lost."""
    kept = ("externalId", "description", "serviceType", "place", "serviceRelationship")
    told = {name: service[name] for name in kept if name in service}
    body = {"id": service["id"], "state": "active", **told, "serviceConfiguration": configuration}
    return {"id": item, "action": "modify", "service": body}


def _delete(item: str, service_id: str) -> Json:
    return {"id": item, "action": "delete", "service": {"id": service_id}}


def _to_service(role: str, service_id: str) -> Json:
    return {"relationshipType": role, "service": {"id": service_id}}


def _related(service: Mapping[str, Any], role: str) -> str | None:
    found = (one["service"]["id"] for one in service.get("serviceRelationship", ()) if one["relationshipType"] == role)
    return next(found, None)


def _named(flows: Sequence[Json], name: str) -> bool:
    return any(flow["applicationFlowName"] == name for flow in flows)


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
