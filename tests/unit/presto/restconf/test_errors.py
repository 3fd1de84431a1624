"""What is refused, in which words: every case changes one good order, and its answer is a golden file.

`LSO_GOLDEN=write pytest tests/unit/presto/restconf/test_errors.py` writes the files anew.
Read the difference before you commit.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from presto.restconf.identity import UNDERLAYS, node_id, topology_id, underlay_id

pytestmark = pytest.mark.asyncio
GOLDEN = Path(__file__).parent / "golden"
CREATE = "create-connectivity-service"
Order = dict[str, Any]
Change = Callable[[Order], object]


def attributes(order: Order) -> Any:
    return order["swvc-service-attributes"]


def flows(order: Order) -> Any:
    return attributes(order)["applications"]["application"]


def criteria(*entries: tuple[str, list[str]]) -> Change:
    """Give the second application, `web`, these criteria."""
    values = [{"pc-name": name, **({"pc-param": given} if given else {})} for name, given in entries]
    return lambda order: flows(order)[1].update(criteria=values)


def policies(*entries: dict[str, list[str]]) -> Change:
    """Give the service these policies; the first keeps the name that the mappings use."""
    values = [
        {
            "policy-id": "secure" if number == 0 else f"policy-{number}",
            "criteria": [{"pc-name": name, "pc-param": given} for name, given in entry.items()],
        }
        for number, entry in enumerate(entries)
    ]
    return lambda order: attributes(order)["policies"].update(policy=values)


def mapping(*entries: tuple[str, str]) -> Change:
    values = [{"app-id": application, "policy-name": policy} for application, policy in entries]
    return lambda order: attributes(order)["application-policy-mappings"].update(mapping=values)


def end_point(number: int, **members: Any) -> Change:
    values = {key.replace("_", "-"): value for key, value in members.items()}
    return lambda order: order["end-point"][number].update(values)


def sip(number: int, uuid: str) -> Change:
    def change(order: Order) -> None:
        order["end-point"][number]["service-interface-point"] = {"service-interface-point-uuid": uuid}
        order["end-point"][number]["swvc-endpoint-attributes"].pop("endpoint-uni", None)

    return change


def override(*entries: tuple[str, str]) -> Change:
    values = [{"app-id": application, "policy-name": policy} for application, policy in entries]
    attribute = {"endpoint-identifier": "b", "policy-overrides": {"policy-override": values}}
    return end_point(1, swvc_endpoint_attributes=attribute)


def swvc(**members: Any) -> Change:
    return lambda order: attributes(order).update({key.replace("_", "-"): value for key, value in members.items()})


def constraint(**members: Any) -> Change:
    return lambda order: order["connectivity-constraint"].update(
        {key.replace("_", "-"): value for key, value in members.items()}
    )


def each(*changes: Change) -> Change:
    return lambda order: [change(order) for change in changes]


CASES: Mapping[str, Change] = {
    # form
    "unknown-member-at-the-top": lambda order: order.update({"end-points": []}),
    "unknown-member-inside": lambda order: attributes(order).update({"aplications": {}}),
    "unknown-member-in-a-list": lambda order: flows(order)[0].update({"criterias": []}),
    "wrong-type-text-for-number": swvc(mtu="1400"),
    "wrong-type-truth-for-number": swvc(mtu=True),
    "wrong-type-text-for-list": lambda order: order.update({"end-point": "a"}),
    "wrong-type-number-in-a-list": lambda order: flows(order)[1]["criteria"][1].update({"pc-param": [80, "443"]}),
    "wrong-type-out-of-int32": swvc(mtu=2**31),
    "null-for-a-member": swvc(mtu=None),
    "control-code-in-text": swvc(swvc_identifier="ac\x00me"),
    "unknown-enumeration-value": constraint(service_type="POINT_TO_POINT"),
    "unknown-state": lambda order: order.update(state="UNLOKED"),
    # the service
    "no-service-attributes": lambda order: order.pop("swvc-service-attributes"),
    "wrong-service-attributes": lambda order: order.update({"swvc-service-attributes": []}),
    "no-identifier": lambda order: attributes(order).pop("swvc-identifier"),
    "identifier-too-long": swvc(swvc_identifier="x" * 54),
    "identifier-reserved": swvc(swvc_identifier="underlays"),
    "identifier-of-dots": swvc(swvc_identifier=".."),
    "identifier-not-printable": swvc(swvc_identifier="Zürich"),
    "mtu-too-large": swvc(mtu=1500),
    "mtu-too-small": swvc(mtu=575),
    "reserved-prefix-wrong": swvc(reserved_prefixes={"prefix": ["10.1.0.7/24", "ten"]}),
    "reserved-prefix-overlaps-lan": swvc(reserved_prefixes={"prefix": ["10.0.0.0/8"]}),
    "list-of-end-points-differs": swvc(endpoints=["a", "c"]),
    "fragmentation-disabled": swvc(fragmentation="DISABLED"),
    "performance-objectives": swvc(cos_performance_objectives={"cos-performance-objective": [{"cos-name": "gold"}]}),
    # constraints
    "schedule": constraint(schedule={"start-time": "2027-01-01T00:00:00Z"}),
    "unidirectional": constraint(connectivity_direction="UNIDIRECTIONAL"),
    "optical-layer": constraint(service_layer="ODU"),
    "topology-constraint": lambda order: order.update({"topology-constraint": {"include-link": [{"link-uuid": "x"}]}}),
    # end points
    "no-end-points": lambda order: order.pop("end-point"),
    "one-end-point": lambda order: order["end-point"].pop(),
    "three-end-points-point-to-point": lambda order: order["end-point"].append(
        {"service-interface-point": {"service-interface-point-uuid": "site-c-lan0"}}
    ),
    "no-uni": lambda order: order["end-point"][1].pop("service-interface-point"),
    "unknown-uni": sip(1, "00000009-0000-4000-8000-000000000000"),
    "uni-twice": sip(1, "00000001-0000-4000-8000-000000000000"),
    "uni-named-two-ways": end_point(1, swvc_endpoint_attributes={"endpoint-uni": "site-a-lan0"}),
    "end-point-identifier-twice": end_point(1, swvc_endpoint_attributes={"endpoint-identifier": "a"}),
    "local-id-twice": end_point(1, local_id="a"),
    "overlapping-lans": sip(1, "00000005-0000-4000-8000-000000000000"),
    "lan-overlaps-underlay": sip(1, "00000006-0000-4000-8000-000000000000"),
    "same-ucpe": sip(1, "00000007-0000-4000-8000-000000000000"),
    "no-common-underlay": sip(1, "00000008-0000-4000-8000-000000000000"),
    "root-in-point-to-point": end_point(0, role="ROOT"),
    "rooted-without-roles": constraint(service_type="ROOTED_MULTIPOINT_CONNECTIVITY"),
    "two-roots-point-to-multipoint": each(
        constraint(service_type="POINT_TO_MULTIPOINT_CONNECTIVITY"),
        end_point(0, role="ROOT"),
        end_point(1, role="ROOT"),
    ),
    "end-point-locked": end_point(0, administrative_state="LOCKED"),
    "end-point-capacity": end_point(0, capacity={"total-size": {"value": 5, "unit": "MBPS"}}),
    # applications
    "application-without-name": lambda order: flows(order)[0].pop("app-id"),
    "application-twice": lambda order: flows(order)[1].update({"app-id": "telnet"}),
    "application-named-as-group": lambda order: flows(order)[0].update({"app-id": "office"}),
    "group-none": lambda order: flows(order)[1].update({"app-group": "None"}),
    "group-empty": lambda order: flows(order)[2].update({"app-group": ""}),
    "application-without-criteria": lambda order: flows(order)[1].pop("criteria"),
    "criterion-misspelt": criteria(("DPROT", ["80"])),
    "criterion-in-small-letters": criteria(("dport", ["80"])),
    "criterion-without-name": lambda order: flows(order)[1]["criteria"][0].pop("pc-name"),
    "criterion-twice": criteria(("DPORT", ["80"]), ("DPORT", ["443"])),
    "criterion-dscp": criteria(("DSCP", ["46"])),
    "criterion-appid": criteria(("APPID", ["skype"])),
    "criterion-ipv6": criteria(("SAV6", ["2001:db8::/32"])),
    "criterion-without-value": criteria(("DPORT", [])),
    "too-many-values": criteria(("DPORT", [str(port) for port in range(257)])),
    "port-by-name": criteria(("DPORT", ["http"])),
    "port-too-large": criteria(("SDPORT", ["80", "65536"])),
    "port-range-backwards": criteria(("SPORT", ["90-80"])),
    "port-in-other-digits": criteria(("SPORT", ["٨٠"])),
    "prefix-with-host-bits": criteria(("SAV4", ["10.1.0.5/24"])),
    "prefix-wrong": criteria(("DAV4", ["10.1.0.0/33"])),
    "protocol-unknown": criteria(("PROTV4", ["tpc"])),
    "protocol-too-large": criteria(("PROTV4", ["256"])),
    "icmp-type-unknown": criteria(("LSO-ICMPV4-TYPE", ["echo"])),
    "any-with-value": criteria(("ANY", ["*"])),
    "ethertype-arp": criteria(("ETHERTYPE", ["0x0806"])),
    "ports-of-icmp": criteria(("PROTV4", ["icmp"]), ("DPORT", ["80"])),
    "prefixes-that-never-meet": criteria(
        ("SAV4", ["10.1.0.0/24"]), ("DAV4", ["10.2.0.0/24"]), ("SDAV4", ["10.9.0.0/24"])
    ),
    # policies
    "policy-named-block": lambda order: attributes(order)["policies"]["policy"][0].update({"policy-id": "Block"}),
    "policy-named-none": lambda order: attributes(order)["policies"]["policy"][0].update({"policy-id": "NONE"}),
    "policy-twice": lambda order: attributes(order)["policies"]["policy"].append(
        copy.deepcopy(attributes(order)["policies"]["policy"][0])
    ),
    "policy-without-criteria": policies({}),
    "policy-criterion-misspelt": policies({"ENCRIPTION": ["Yes"]}),
    "policy-criterion-without-value": policies({"ENCRYPTION": []}),
    "policy-criterion-two-values": policies({"ENCRYPTION": ["Yes", "Either"]}),
    "policy-value-unknown": policies({"ENCRYPTION": ["Yess"]}),
    "policy-value-not-honoured": policies({"ENCRYPTION": ["Yes"], "INTERNET-BREAKOUT": ["Yes"]}),
    "policy-private-only": policies({"PUBLIC-PRIVATE": ["Private-only"]}),
    "policy-bandwidth": policies({"BANDWIDTH": ["commit 10", "limit 20"]}),
    "policies-with-different-criteria": policies({"ENCRYPTION": ["Yes"]}, {"ENCRYPTION": ["Yes"], "BACKUP": ["No"]}),
    # policy maps
    "mapping-unknown-application": mapping(("wbe", "secure")),
    "mapping-unknown-policy": mapping(("web", "secur")),
    "mapping-twice": mapping(("web", "secure"), ("web", "block")),
    "mapping-without-names": lambda order: attributes(order)["application-policy-mappings"].update(mapping=[{}]),
    "override-unknown-application": override(("nothing", "secure")),
    "override-unknown-policy": override(("web", "NONE")),
    # everything at once
    "many-at-once": each(
        sip(1, "nowhere"),
        swvc(mtu="big", swvc_identifier=""),
        criteria(("DPROT", ["80"])),
        mapping(("web", "gold"), ("chat", "secure")),
        lambda order: order.update({"sate": "UNLOCKED"}),
    ),
}


@pytest.fixture(scope="module")
def inventory(inventory: Any) -> Any:
    """Four good sites, and UNIs that go wrong with site-a: overlapping, in the underlay, on its uCPE, unreachable."""
    values = inventory.model_dump(mode="json")
    ucpe = values["ucpes"][0]
    for name, underlay, address in (("site-e", "internet", "198.51.100.5/24"), ("site-f", "mpls", "192.0.2.1/24")):
        port = {"port": "wan0", "underlay": underlay, "address": address}
        values["ucpes"].append({**ucpe, "id": name, "wan": [port]})
    for number, name, ucpe_id, prefix, address in (
        (5, "overlapping", "site-e", "10.1.0.0/16", "10.1.1.1"),
        (6, "in-underlay", "site-e", "198.51.100.128/25", "198.51.100.129"),
        (7, "second-on-a", "site-a", "10.7.0.0/24", "10.7.0.1"),
        (8, "unreachable", "site-f", "10.8.0.0/24", "10.8.0.1"),
    ):
        uni = {"id": f"0000000{number}-0000-4000-8000-000000000000", "name": name, "ucpe": ucpe_id, "port": "lan0"}
        values["unis"].append({**uni, "prefix": prefix, "provider_address": address})
    return type(inventory).model_validate(values)


def compare(name: str, answer: Any) -> None:
    text = json.dumps({"status": answer.status_code, **answer.json()}, indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("LSO_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


async def test_the_order_to_start_from_is_good(client: Any, order: Order) -> None:
    assert (await client.call(CREATE, order)).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CASES)
async def test_refused(lasting_client: Any, order: Order, name: str) -> None:
    CASES[name](order)
    answer = await lasting_client.call(CREATE, order)
    assert answer.headers["content-type"] == "application/yang-data+json"
    compare(name, answer)
    assert lasting_client.network.calls == [], "a refused order must not reach the network"
    assert (await lasting_client.call("get-connectivity-service-list")).json() == {"output": {"service": []}}


SECOND: list[tuple[str, Order]] = [
    ("second-name", {"swvc-identifier": "acme"}),
    ("second-uni", {"swvc-identifier": "other"}),
]


@pytest.mark.parametrize(("name", "change"), SECOND)
async def test_second_order_collides(client: Any, order: Order, name: str, change: Order) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    order["swvc-service-attributes"].update(change)
    if name == "second-name":
        sip(0, "00000003-0000-4000-8000-000000000000")(order)
        sip(1, "00000004-0000-4000-8000-000000000000")(order)
    answer = await client.call(CREATE, order)
    assert answer.status_code == 409
    compare(name, answer)


def path(*unis: str, **members: Any) -> Order:
    """The input of a path computation between UNIs."""
    seps = [{"service-interface-point": {"service-interface-point-uuid": uni}} for uni in unis]
    return {"sep": seps, **{name.replace("_", "-"): value for name, value in members.items()}}


A, B = "site-a-lan0", "site-b-lan0"
NODE_C = {"node-uuid": node_id(UNDERLAYS, "site-c")}
INTERNET, UNDERLAY_TOPOLOGY = {"link-uuid": underlay_id("internet")}, {"topology-uuid": topology_id(UNDERLAYS)}
GIGABIT = {"capacity": {"total-size": {"value": 1, "unit": "GBPS"}}}
PATHS: dict[str, Order] = {
    "without-ends": {},
    "one-end": path(A),
    "three-ends": path(A, B, "site-c-lan0"),
    "end-without-uni": {"sep": [{"local-id": "a"}, *path(B)["sep"]]},
    "unknown-uni": path(A, "site-b-lan1"),
    "wrong-end": {"sep": [1, *path(B)["sep"]]},
    "same-uni": path(A, A),
    "same-ucpe": path(A, "second-on-a"),
    "no-common-underlay": path(A, "unreachable"),
    "end-capacity": {
        "sep": [{**path(A)["sep"][0], "capacity": {"total-size": {"value": 1, "unit": "GBPS"}}}, *path(B)["sep"]]
    },
    "least-delay": path(A, B, routing_constraint={"route-objective-function": "MIN_WORK_ROUTE_LATENCY"}),
    "node-diversity": path(A, B, routing_constraint={"diversity-policy": "NODE"}),
    "most-bandwidth": path(A, B, objective_function={"bandwidth-optimization": "MAXIMIZE"}),
    "optical": path(A, B, topology_constraint={"preferred-transport-layer": ["PHOTONIC_MEDIA"]}),
    "unknown-link": path(A, B, topology_constraint={"exclude-link": [{"link-uuid": "internet"}]}),
    "link-without-id": path(A, B, topology_constraint={"exclude-link": [UNDERLAY_TOPOLOGY]}),
    "unknown-node": path(A, B, topology_constraint={"include-node": [{"node-uuid": "site-a"}]}),
    "node-of-other-topology": path(A, B, topology_constraint={"include-node": [{**NODE_C, "topology-uuid": "acme"}]}),
    "unknown-topology": path(A, B, topology_constraint={"avoid-topology": [{"topology-uuid": "acme"}]}),
    "unknown-path": path(A, B, topology_constraint={"include-path": [{"path-uuid": "1"}]}),
    "link-excluded": path(A, B, topology_constraint={"exclude-link": [INTERNET]}),
    "node-not-on-the-way": path(A, B, topology_constraint={"include-node": [NODE_C]}),
    "topology-avoided": path(
        A, B, topology_constraint={"avoid-topology": [UNDERLAY_TOPOLOGY], "exclude-link": [INTERNET]}
    ),
    "many-at-once": path(
        A,
        "nowhere",
        topology_constraint={"exclude-link": [{}]},
        routing_constraint={"route-direction": "UNIDIRECTIONAL", "is-exclusive": "no"},
        objective_function={"link-utilisation": "MINIMIZE"},
    ),
}
OTHERS: list[tuple[str, str, Order]] = [
    ("details-unknown", "get-connectivity-service-details", {"service-id-or-name": "acne"}),
    ("details-without-id", "get-connectivity-service-details", {}),
    ("details-misspelt-member", "get-connectivity-service-details", {"service-id": "acme"}),
    ("delete-unknown", "delete-connectivity-service", {"service-id-or-name": "nothing"}),
    ("update-unknown", "update-connectivity-service", {"service-id-or-name": "nothing"}),
    ("update-without-id", "update-connectivity-service", {"state": "LOCKED"}),
    (
        "update-wrong",
        "update-connectivity-service",
        {"service-id-or-name": "acme", "end-point": {"local-id": "z"}, "swvc-service-attributes": {"mtu": 1}},
    ),
    ("sip-unknown", "get-service-interface-point-details", {"sip-id-or-name": "site-a-lan1"}),
    ("sip-update-in-use", "update-service-interface-point", {"sip-id-or-name": "site-a-lan0", "state": "LOCKED"}),
    ("sip-update-empty", "update-service-interface-point", {}),
    ("sip-update-wrong", "update-service-interface-point", {"sip-id-or-name": 1, "state": "BAD"}),
    ("update-wrong-id", "update-connectivity-service", {"service-id-or-name": 1}),
    ("list-with-input", "get-connectivity-service-list", {"state": "active"}),
    *((f"path-{name}", "compute-p-2-p-path", values) for name, values in PATHS.items()),
    ("optimize-unknown", "optimize-p-2-p-path", {"path-id-or-name": "site-a--site-b"}),
    ("optimize-without-id", "optimize-p-2-p-path", {}),
    (
        "optimize-many-at-once",
        "optimize-p-2-p-path",
        {
            "routing-constraint": {"latency-characteristic": [{"fixed-latency-characteristic": "5 ms"}]},
            "objective-function": {"cost-optimization": "MINIMIZE"},
            "optimization-constraint": {"traffic-interruption": "MAXIMIZE"},
            "topology-constraint": {},
        },
    ),
    ("path-delete-unknown", "delete-p-2-p-path", {"path-id-or-name": "site-a--site-b"}),
    ("path-delete-without-id", "delete-p-2-p-path", {}),
    ("topology-list-with-input", "get-topology-list", {"topology-id-or-name": "underlays"}),
    ("topology-unknown", "get-topology-details", {"topology-id-or-name": "underlay"}),
    ("topology-without-id", "get-topology-details", {}),
    ("topology-by-number", "get-topology-details", {"topology-id-or-name": 1}),
    ("node-unknown", "get-node-details", {"topology-id-or-name": "acme", "node-id-or-name": "site-c"}),
    ("node-without-ids", "get-node-details", {}),
    ("node-of-unknown-topology", "get-node-details", {"topology-id-or-name": "x", "node-id-or-name": "site-a"}),
    (
        "edge-point-unknown",
        "get-node-edge-point-details",
        {"topology-id-or-name": "underlays", "node-id-or-name": "site-a", "ep-id-or-name": "site-a-wan1"},
    ),
    ("edge-point-without-ids", "get-node-edge-point-details", {"node-id-or-name": "site-a"}),
    ("link-unknown", "get-link-details", {"topology-id-or-name": "underlays", "link-id-or-name": "lte"}),
    ("link-without-id", "get-link-details", {"topology-id-or-name": "underlays"}),
    ("connection-unknown", "get-connection-details", {"service-id-or-name": "acme", "connection-id-or-name": "a-b"}),
    (
        "connection-of-unknown-service",
        "get-connection-details",
        {"service-id-or-name": "x", "connection-id-or-name": "a--b"},
    ),
    ("connection-without-ids", "get-connection-details", {}),
    ("unknown-operation", "get-conectivity-service-list", {}),
    ("wrong-module", "tapi-common:get-connectivity-service-list", {}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(lasting: Any) -> AsyncIterator[Any]:
    """A client of a server with one service, which is as it was after the last case."""
    async with lasting() as client:
        await client.call(CREATE, json.loads((Path(__file__).parents[1] / "order.json").read_text(encoding="utf-8")))
        before = await client.until("acme", "active")
        yield client
        assert await client.service("acme") == before
        assert len(client.network.calls) == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "operation", "values"), OTHERS)
async def test_other_operations_refuse(acme: Any, name: str, operation: str, values: Order) -> None:
    compare(name, await acme.call(operation, values))


async def test_each_golden_file_belongs_to_a_case() -> None:
    cases = {*CASES, *(name for name, *_ in OTHERS), *(name for name, _ in SECOND)}
    assert {file.stem for file in GOLDEN.glob("*.json")} == cases
