"""Orders that are refused: what each case changes of one good order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

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
    "port-too-long": criteria(("DPORT", ["9" * 5000])),
    "protocol-too-large": criteria(("PROTV4", ["256"])),
    "protocol-too-long": criteria(("PROTV4", ["9" * 5000])),
    "icmp-type-unknown": criteria(("LSO-ICMPV4-TYPE", ["echo"])),
    "any-with-value": criteria(("ANY", ["*"])),
    "ethertype-arp": criteria(("ETHERTYPE", ["0x0806"])),
    "ethertype-by-name": criteria(("ETHERTYPE", ["ipv4"])),
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
