"""Orders that are refused: a name, and what is wrong with the order of the documentation."""

from __future__ import annotations

from typing import Any

from presto.domain.enrolled import ucs_id, ucs_uni_id

from .order_changes import (
    NOTE,
    URN,
    Change,
    action,
    add,
    beside,
    config,
    criteria,
    end,
    entry,
    flow,
    groups,
    in_item,
    in_service,
    item,
    lacks,
    policies,
    policy,
    related,
    service,
    swvc,
    top,
    topology,
    uni,
    unset,
    without,
)

UCS_OF, OF_UCS, TO_UCS_UNI = "UCS_OF_SWVC", "ENDPOINT_OF_UCS", "CONNECTS_TO_UCS_UNI"
PLACE: list[dict[str, Any]] = [{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": "site-a"}}]
END, PORTS = "site-a-wan0-internet", "tcpUdpDestinationPortList"
ENDS = {OF_UCS: ucs_id("internet"), TO_UCS_UNI: ucs_uni_id("site-a", "wan0")}
SECURE = {"encryptionType": "REQUIRED_ALWAYS"}
RATE = {"commit": {"irValue": 2, "irUnits": "MBPS"}, "limit": {"irValue": 900, "irUnits": "KBPS"}}
OF, TO = "ENDPOINT_OF_SWVC", "CONNECTS_TO_SDWAN_UNI"
PAIR = ["site-a", "site-b"]
FLOWS = "applicationFlowSpecificationList"

CASES: dict[str, Change] = {
    # The envelope
    "no-start": without("requestedStartDate"),
    "no-completion": without("requestedCompletionDate"),
    "no-items": without("serviceOrderItem"),
    "items-empty": top(serviceOrderItem=[]),
    "items-no-array": top(serviceOrderItem={}),
    "start-no-date": top(requestedStartDate="tomorrow"),
    "start-without-zone": top(requestedStartDate="2026-03-02T08:00:00"),
    "start-in-no-minute": top(requestedStartDate="2026-03-02T08:60:00Z"),
    "start-on-no-day": top(requestedStartDate="2026-02-30T08:00:00Z"),
    "start-too-far-ahead": top(
        requestedStartDate="2999-01-01T00:00:00Z", requestedCompletionDate="2999-01-02T00:00:00Z"
    ),
    "completion-before-start": top(requestedCompletionDate="2026-03-02T07:59:59Z"),
    "unknown-member": top(prority="1"),
    "type-of-a-place-for-a-member": top(GeographicSiteRef=1),
    "order-related-to-none": top(orderRelationship=[{"relationshipType": "after", "serviceOrder": {"id": "none"}}]),
    "state-of-the-server": top(state="acknowledged"),
    "id-of-the-server": top(id="1"),
    "external-id-no-text": top(externalId=7),
    "null": top(description=None),
    "nul-character": top(description="a\0b"),
    "note-without-author": top(note=[{k: v for k, v in NOTE.items() if k != "author"}]),
    "note-from-nobody": top(note=[{**NOTE, "source": "me"}]),
    "orders-that-wait": top(
        coordinatedAction=[
            {
                "orderId": "1",
                "coordinationDependency": "finishToStart",
                "coordinatedActionDelay": {"amount": 1, "units": "seconds"},
            }
        ]
    ),
    "delay-below-zero": top(
        coordinatedAction=[
            {
                "orderId": "1",
                "coordinationDependency": "finishToStart",
                "coordinatedActionDelay": {"amount": -1, "units": "seconds"},
            }
        ]
    ),
    "items-that-wait": in_item(
        0,
        coordinatedAction=[
            {
                "itemId": "02",
                "coordinationDependency": "startToStart",
                "coordinatedActionDelay": {"amount": 0, "units": "days"},
            }
        ],
    ),
    "contact-without-role": top(relatedContactInformation=[{"name": "n", "number": "1", "emailAddress": "e"}]),
    "item-without-id": lambda order: item(order, 0).pop("id"),
    "item-id-twice": in_item(1, id="01"),
    "action-unknown": in_item(0, action="create"),
    "item-without-service": lambda order: item(order, 0).pop("service"),
    "place-of-unknown-type": in_service(0, place=[{"role": "INSTALL_LOCATION", "place": {"@type": "Site", "id": "1"}}]),
    "place-without-id": in_service(0, place=[{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef"}}]),
    "address-of-nothing": in_service(
        0, place=[{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicAddress_Query"}}]
    ),
    "place-with-a-type-for-a-member": in_service(
        0, place=[{"role": "INSTALL_LOCATION", "place": {**PLACE[0]["place"], "GeographicSiteRef": 1}}]
    ),
    "service-starts-later": in_service(2, startDate="2999-01-01T00:00:00Z"),
    "service-ends-by-itself": in_service(2, endDate="2020-06-01T00:00:00Z"),
    # Actions
    "add-with-id": in_service(2, id="1"),
    "add-without-state": lacks(2, "state"),
    "add-without-payload": lacks(2, "serviceConfiguration"),
    "add-terminated": in_service(2, state="terminated"),
    "add-designed": in_service(2, state="designed"),
    "add-feasibility-checked": in_service(2, state="feasibilityChecked"),
    "add-in-unknown-state": in_service(2, state="on"),
    "states-differ": in_service(3, state="inactive"),
    "modify-without-id": action("modify", state="active", serviceConfiguration={"@type": URN.format("ucs")}),
    "modify-of-nothing": action(
        "modify", id="none", state="active", serviceConfiguration={"@type": URN.format("swvc"), "swVcIdentifier": "x"}
    ),
    "modify-without-the-rest": action("modify", id="none"),
    "delete-without-id": action("delete"),
    "delete-of-nothing": action("delete", id="none"),
    "delete-with-more": action("delete", id="none", name="x", state="terminated"),
    "delete-with-a-relationship": lambda order: (
        action("delete", id="none")(order),
        related(0, (OF, "1"))(order),
    ),
    # Types and relationships
    "payload-without-type": unset(2, "@type"),
    "payload-of-unknown-type": swvc(**{"@type": URN.format("swvcc")}),
    "payload-type-no-text": swvc(**{"@type": 1}),
    # Underlays and their ends
    "ucs-unknown": add("ucs", ucsIdentifier="internett"),
    "ucs-of-unknown-type": add("ucs", ucsIdentifier="internet", ucsType="SHARED"),
    "ucs-of-another-type": add("ucs", ucsIdentifier="internet", ucsType="PRIVATE"),
    "ucs-billed-another-way": add("ucs", ucsIdentifier="internet", ucsBillingMethod="FLAT_RATE"),
    "ucs-without-identifier": add("ucs", ucsType="PUBLIC"),
    "ucs-with-a-speed": add("ucs", ucsIdentifier="internet", speed=1),
    "ucs-of-no-swvc": beside("ucs", {UCS_OF: "01"}, ucsIdentifier="internet"),
    "ucs-of-an-unknown-swvc": add("ucs", {UCS_OF: "none"}, ucsIdentifier="internet"),
    "ucs-uni-without-identifier": add("ucs-uni"),
    "ucs-uni-unknown": add("ucs-uni", ucsIdentifier="site-a-wan9"),
    "ucs-uni-of-a-ucs": add("ucs-uni", {OF_UCS: "none"}, ucsIdentifier="site-a-wan0"),
    "ucs-end-point-unknown": add("ucs-end-point", ENDS, identifier="site-a-wan0-mpls"),
    "ucs-end-point-backup-of-no-value": add("ucs-end-point", ENDS, identifier=END, endPointBackup="YES"),
    "ucs-end-point-is-no-backup": add("ucs-end-point", ENDS, identifier=END, endPointBackup="ENABLED"),
    "ucs-end-point-without-breakout": add("ucs-end-point", ENDS, identifier=END, endPointBreakout="ENABLED"),
    "ucs-end-point-of-nothing": add("ucs-end-point", identifier=END),
    "ucs-end-point-of-another-port": add(
        "ucs-end-point", {**ENDS, TO_UCS_UNI: ucs_uni_id("site-b", "wan0")}, identifier=END
    ),
    "ucs-end-point-of-an-item-that-is-none": beside("ucs-end-point", {OF_UCS: "01", TO_UCS_UNI: "02"}, identifier=END),
    "enrolled-reserved": lambda order: (
        add("ucs", ucsIdentifier="internet")(order),
        service(order, 0).update(state="reserved"),
    ),
    "enrolled-twice": lambda order: (
        add("ucs", ucsIdentifier="internet")(order),
        order["serviceOrderItem"].append({**item(order, 0), "id": "2"}),
    ),
    "uni-inactive-beside-an-swvc": in_service(0, state="inactive"),
    "uni-with-a-relationship": in_item(
        0, serviceOrderItemRelationship=[{"relationshipType": TO, "orderItem": {"itemId": "02"}}]
    ),
    "swvc-over-a-uni": related(2, (UCS_OF, "01")),
    "swvc-over-nothing-known": in_service(
        2, serviceRelationship=[{"relationshipType": UCS_OF, "service": {"id": "none"}}]
    ),
    "swvc-with-an-end-point-role": related(2, (OF, "03")),
    "older-swvc-without-its-members": lambda order: (
        swvc(**{"@type": "urn:mef:lso:spec:legato:swVc:v0.0.1:all"})(order),
        unset(2, "virtualTopologiesList")(order),
    ),
    "underlay-unknown": swvc(ucsList=["internett"]),
    "end-point-of-no-swvc": related(3, (TO, "01")),
    "end-point-on-no-uni": related(3, (OF, "03")),
    "end-point-on-two-unis": related(3, (OF, "03"), (TO, "01"), (TO, "02")),
    "end-point-of-a-uni": related(3, (OF, "01"), (TO, "01")),
    "end-point-on-an-swvc": related(3, (OF, "03"), (TO, "03")),
    "relationship-to-no-item": related(3, (OF, "03"), (TO, "99")),
    "relationship-to-another-order": related(3, (OF, "03"), (TO, {"itemId": "01", "serviceOrderId": "1"})),
    "relationship-by-address": related(3, (OF, "03"), (TO, {"itemId": "01", "serviceOrderHref": "orders/1"})),
    "relationship-unknown": related(3, (OF, "03"), (TO, "01"), ("NEAR", "02")),
    "relationship-to-no-service": lambda order: (
        related(3, (OF, "03"))(order),
        in_service(3, serviceRelationship=[{"relationshipType": TO, "service": {"id": "none"}}])(order),
    ),
    "two-swvcs": lambda order: order["serviceOrderItem"].append({**item(order, 2), "id": "06"}),
    "one-end-point": lambda order: order["serviceOrderItem"].pop(),
    "no-end-points": lambda order: order.update(serviceOrderItem=order["serviceOrderItem"][2:3]),
    "both-on-one-uni": related(4, (OF, "03"), (TO, "01")),
    # SD-WAN UNI
    "uni-without-identifier": unset(0, "uniIdentifier"),
    "uni-unknown": uni(uniIdentifier="site-z-lan0"),
    "uni-without-place": lacks(0, "place"),
    "uni-tagged": uni(l2Interface={"l2InterfaceType": "CVLANX", "vlanId": [7]}),
    "uni-frame-too-small": uni(maxL2FrameSize=1500),
    "uni-frame-too-large": uni(maxL2FrameSize=9000),
    "uni-by-dhcp": uni(ipv4ConnectionAddressing={"ipv4AddressingType": "DHCP"}),
    "uni-other-subnet": uni(
        ipv4ConnectionAddressing={"ipv4PrimarySubnet": {"ipv4Prefix": {"ipv4Address": "10.9.0.0", "prefixLength": 24}}}
    ),
    "uni-other-address": uni(
        ipv4ConnectionAddressing={"ipv4PrimarySubnet": {"serviceProviderIpv4Addresses": ["10.1.0.9"]}}
    ),
    "uni-ipv6": uni(ipv6ConnectionAddressing={"ipv6AddressingType": "STATIC"}),
    "uni-routing": uni(routingProtocols={}),
    "uni-availability": uni(availabilityObjective=99.9),
    # SWVC
    "swvc-without-identifier": unset(2, "swVcIdentifier"),
    "swvc-identifier-empty": swvc(swVcIdentifier=""),
    "swvc-identifier-too-long": swvc(swVcIdentifier="x" * 54),
    "swvc-identifier-not-printable": swvc(swVcIdentifier="Zürich"),
    "swvc-member-misspelt": swvc(policyLits=[]),
    "swvc-reserved-ipv6": swvc(reservedPrefixes=[{"ipv6Prefix": {"ipv6Address": "2001:db8::", "prefixLength": 32}}]),
    "swvc-reserved-lan": swvc(reservedPrefixes=[{"ipv4Prefix": {"ipv4Address": "10.1.0.0", "prefixLength": 16}}]),
    "swvc-reserved-both": swvc(reservedPrefixes=[{}]),
    "prefix-length-32": criteria(sav4=[{"ipv4Address": "10.1.0.1", "prefixLength": 32}]),
    "zone-name-reserved": swvc(zoneList=[{"zoneName": "SELF"}]),
    "zone-with-prefixes": swvc(
        zoneList=[{"zoneName": "z", "zonePrefixes": [{"ipv4Prefix": {"ipv4Address": "10.0.0.0", "prefixLength": 8}}]}]
    ),
    "two-zones": swvc(zoneList=[{"zoneName": "y"}, {"zoneName": "z"}]),
    "topology-name-reserved": topology("Swvc", multipointToMultipoint=PAIR),
    "topology-of-one": topology(multipointToMultipoint=["site-a"]),
    "topology-of-others": topology(multipointToMultipoint=["site-a", "site-c"]),
    "topology-of-another-type": topology("t", "ROOTED_MPT", multipointToMultipoint=PAIR),
    "topology-of-both": topology(
        multipointToMultipoint=PAIR, rootedMultipoint={"rootList": ["site-a"], "leafList": ["site-b"]}
    ),
    "topology-with-an-end-twice": topology(multipointToMultipoint=[*PAIR, "site-a"]),
    "topology-of-a-root-that-is-a-leaf": topology(rootedMultipoint={"rootList": ["site-a"], "leafList": PAIR}),
    "two-topologies": swvc(
        virtualTopologiesList=[{"vtName": name, "vtEp": {"multipointToMultipoint": PAIR}} for name in "ab"]
    ),
    "performance-intervals": swvc(performanceTimeIntervals={"evalInterval": 100}),
    "reporting-periods": swvc(performanceObjectivesReportingPeriods={"duration": {}}),
    "importance-levels": swvc(applicationFlowBusinessImportanceLevelsList=[{"implist": ["high"]}]),
    "security-function-policies": swvc(securityFunctionPolicyList=[{"policyIdentifier": "p"}]),
    "rate-limiter": swvc(rateLimiterList=[{"name": "r", "commit": {"irValue": 1}, "limit": {"irValue": 2}}]),
    "rate-limit-below-commit": swvc(rateLimiterList=[{"name": "r", **RATE}]),
    "bandwidth-limit-below-commit": policy(bandwidth={"unamedRateLimiter": RATE}),
    "rate-unit-unknown": swvc(rateLimiterList=[{"name": "r", "commit": {"irValue": 1, "irUnits": "MB"}}]),
    # Policies
    "policy-named-block": policies({"polName": "BLOCK", "polCl": [SECURE]}, {"polName": "business", "polCl": [SECURE]}),
    "policy-named-none": policies({"polName": "NONE", "polCl": [SECURE]}, {"polName": "business", "polCl": [SECURE]}),
    "policy-twice": policies(*[{"polName": "business", "polCl": [SECURE]}] * 2),
    "policy-without-name": policies({"polCl": [SECURE]}),
    "policy-without-criteria": policies({"polName": "business", "polCl": []}),
    "policy-criterion-twice": policies({"polName": "business", "polCl": [SECURE, {"encryptionType": "OPTIONAL"}]}),
    "policies-of-other-criteria": policies(
        {"polName": "business", "polCl": [SECURE]}, {"polName": "b", "polCl": [{**SECURE, "backup": "ENABLED"}]}
    ),
    "policy-list-empty": swvc(policyList=[]),
    "encryption-unknown": policy(encryptionType="MAYBE"),
    "breakout-enabled": policy(internetBreakout="ENABLED"),
    "breakout-direction": policy(internetBreakout="DISABLED", internetBreakoutDirection="INGRESS"),
    "private-only": policy(publicPrivate="PRIVATE_ONLY"),
    "usage-based-only": policy(billingMethod="USAGE_BASED_ONLY"),
    "business-importance": policy(**SECURE, businessImportance="high"),
    "performance": policy(**SECURE, performance={"primary": {}}),
    "bandwidth": policy(**SECURE, bandwidth={"rateLimiter": {"name": "r"}}),
    "block-source": policy(**SECURE, blockSource="UNI"),
    "destination-zones": policy(**SECURE, allowedDestinationZones=[{"zoneName": "z"}]),
    "policy-topology": policy(**SECURE, virtualTopology={"vtName": "t"}),
    "security-ingress": policy(**SECURE, afSecurityIngress={}),
    "provider-criterion-of-standard-name": policy(
        **SECURE, serviceProviderDefinedPolicyCriterion=[{"polName": "ENCRYPTION", "behavior": "b"}]
    ),
    "provider-criterion-without-behaviour": policy(
        **SECURE, serviceProviderDefinedPolicyCriterion=[{"polName": "COLOUR"}]
    ),
    "provider-criterion-unknown": policy(
        **SECURE, serviceProviderDefinedPolicyCriterion=[{"polName": "COLOUR", "behavior": "paints packets"}]
    ),
    # Application flows and groups
    "group-name-empty": groups("office", ""),
    "group-name-too-long": groups("office", "x" * 54),
    "group-with-members": swvc(
        applicationFlowSpecificationGroupList=[
            {"name": "office", "applicationFlowSpecification": [{"applicationFlowName": "web"}]}
        ]
    ),
    "group-twice": groups("office", "office"),
    "group-none": groups("office", "none"),
    "group-unknown": flow(applicationFlowGroup={"name": "offices"}),
    "flow-named-as-group": groups("office", "ping"),
    "flow-twice": flow(applicationFlowName="ping"),
    "flow-without-name": lambda order: config(order, 2)[FLOWS][1].pop("applicationFlowName"),
    "flow-without-criteria": flow(applicationFlowCriteria=[]),
    "flow-that-never-matches": criteria(protv4=[1], tcpUdpDestinationPortList=[80]),
    "flow-list-empty": swvc(**{FLOWS: []}),
    "no-flows": lambda order: (unset(2, FLOWS)(order), unset(3, "policyMap")(order), unset(4, "policyMap")(order)),
    "flow-like-an-earlier-one": criteria(tcpUdpDestinationPortList=[23], protv4=[6]),
    "flow-like-an-earlier-one-in-other-words": lambda order: config(order, 2)[FLOWS].append(
        {"applicationFlowName": "surf", "applicationFlowCriteria": [{"protv4": [6]}, {PORTS: [443, 80, 443]}]}
    ),
    "criterion-twice": flow(applicationFlowCriteria=[{"protv4": [6]}, {"protv4": [17]}]),
    "criterion-misspelt": criteria(protV4=[6]),
    "protocol-too-large": criteria(protv4=[256]),
    "port-too-large": criteria(tcpUdpSourcePortList=[65536]),
    "port-no-number": criteria(tcpUdpSourcePortList=["http"]),
    "no-ports": criteria(tcpUdpSourcePortList=[]),
    "dscp": criteria(dscp=[46]),
    "dscp-too-large": criteria(dscp=[64]),
    "ipv6-source": criteria(sav6=[{"ipv6Address": "2001:db8::", "prefixLength": 32}]),
    "next-header": criteria(nextHeadV6=[6]),
    "address-wrong": criteria(dav4=[{"ipv4Address": "10.1.0"}]),
    "address-with-length": criteria(sav4=[{"ipv4Address": "10.1.0.0/16"}]),
    "address-with-host-bits": criteria(dav4=[{"ipv4Address": "10.1.0.7", "prefixLength": 24}]),
    "two-either-way-prefixes": criteria(sdav4=[{"ipv4Address": "10.1.0.1"}, {"ipv4Address": "10.2.0.1"}]),
    "ethertype-arp": criteria(ethertype=[0x0806]),
    "any-no-truth": criteria(any="yes"),
    "application-identifier-unknown": criteria(applicationIdentifier=[{"applicationIdentifier": "skype"}]),
    "icmp-type-unknown": criteria(
        applicationIdentifier=[{"applicationIdentifier": "LSO-ICMPV4-TYPE", "additionalArguments": ["ping"]}]
    ),
    # End points
    "end-point-without-identifier": unset(3, "swVcEndPointIdentifier"),
    "end-point-twice": end(swVcEndPointIdentifier="site-b"),
    "map-unknown-flow": end(policyMap=[entry("flow", "webb", "business")]),
    "map-unknown-group": end(policyMap=[entry("group", "offices", "business")]),
    "map-flow-that-is-a-group": end(policyMap=[entry("flow", "office", "business")]),
    "map-group-that-is-a-flow": end(policyMap=[entry("group", "ping", "business")]),
    "map-defines-a-flow": end(
        policyMap=[
            {
                **entry("flow", "web", "business"),
                "applicationFlow": [{"applicationFlowName": "web", "applicationFlowCriteria": [{"any": True}]}],
            }
        ]
    ),
    "map-memberless-group": lambda order: (
        groups("office", "empty")(order),
        end(policyMap=[entry("group", "empty", "business")])(order),
    ),
    "map-memberless-group-after-a-wrong-entry": lambda order: (
        groups("office", "empty")(order),
        end(policyMap=[{"policy": {"polName": "x"}}, entry("group", "empty", "x"), entry("flow", "web", "x")])(order),
    ),
    "map-unknown-policy": end(policyMap=[entry("flow", "web", "busyness")]),
    "map-flow-twice": end(policyMap=[entry("flow", "web", "business"), entry("flow", "web", "block")]),
    "map-of-nothing": end(policyMap=[{"policy": {"polName": "business"}}]),
    "map-without-policy": end(policyMap=[{"applicationFlow": [{"applicationFlowName": "web"}]}]),
    "map-defines-a-policy": end(
        policyMap=[{**entry("flow", "web", "business"), "policy": {"polName": "b", "polCl": []}}]
    ),
    "address-translation": end(networkAddressTranslation={"publicPrefix": []}),
    # All at once
    "many": lambda order: (
        top(requestedCompletionDate="2026-03-02T07:00:00Z")(order),
        uni(uniIdentifier="nowhere")(order),
        policy(internetBreakout="ENABLED")(order),
        groups("none")(order),
    ),
}
