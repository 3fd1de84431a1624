"""A site's plan: names, addresses, marks and rules, and where packets go by them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import Any

import pytest

from orchestrator.intent import PortIntent, SiteIntent, VnfIntent
from orchestrator.plan import (
    PLACEHOLDERS,
    Flow,
    SitePlan,
    dump_plan,
    load_plan,
    placeholder,
    plan_site,
    port_keys,
    service_cookie,
    service_prefix,
    trace,
)

SERVICE = "3f2b8c1e-1111-4222-8333-944455556666"
KINDS = {"firewall": True, "statistics": True, "ipsec": False}


def vnf(name: str, kind: str, **config: Any) -> VnfIntent:
    transparent = KINDS[kind]
    wan = PortIntent("wan", 1400) if transparent else PortIntent("wan", 1500, ("198.51.100.1/24",), "198.51.100.254")
    return VnfIntent(
        name=name,
        kind=kind,
        node_type=f"test.{kind}",
        image=f"test/{kind}",
        linux_capabilities=("NET_ADMIN",),
        devices=() if transparent else ("/dev/net/tun",),
        sysctls={} if transparent else {"net.ipv4.ip_forward": "1"},
        ports=(PortIntent("lan", 1400, () if transparent else ("10.1.0.1/24",)), wan),
        config=config,
        transparent=transparent,
    )


def site(*kinds: str) -> SiteIntent:
    return SiteIntent("test-site", tuple(vnf(kind, kind) for kind in kinds))


def plan(intent: SiteIntent, first: int = 0) -> SitePlan:
    addresses = {key: first + index for index, key in enumerate(port_keys(intent))}
    return plan_site(SERVICE, 7, intent, "site-a", addresses)


POC = site("firewall", "statistics", "ipsec")


def test_everything_the_poc_site_needs() -> None:
    result = plan(POC, first=0x1A)
    assert [(port.name, port.vnf, port.role, port.mtu) for port in result.ports] == [
        ("3f2b8c1e-0001al", "firewall", "lan", 1400),
        ("3f2b8c1e-0001bw", "firewall", "wan", 1400),
        ("3f2b8c1e-0001cl", "statistics", "lan", 1400),
        ("3f2b8c1e-0001dw", "statistics", "wan", 1400),
        ("3f2b8c1e-0001el", "ipsec", "lan", 1400),
        ("3f2b8c1e-0001fw", "ipsec", "wan", 1500),
    ]
    assert [(network.name, network.parent, network.subnet) for network in result.networks][::5] == [
        ("3f2b8c1e-firewall-lan", "3f2b8c1e-0001al", "100.64.0.104/30"),
        ("3f2b8c1e-ipsec-wan", "3f2b8c1e-0001fw", "100.64.0.124/30"),
    ]
    assert [container.name for container in result.containers] == [
        "3f2b8c1e-firewall",
        "3f2b8c1e-statistics",
        "3f2b8c1e-ipsec",
    ]


def test_marks_by_which_everything_is_found() -> None:
    result = plan(POC)
    assert result.ports[3].external_ids == {
        "lso:service": SERVICE,
        "lso:vnf": "statistics",
        "lso:kind": "statistics",
        "lso:position": "1",
        "lso:role": "wan",
    }
    labels = {"lso.service": SERVICE, "lso.vnf": "ipsec", "lso.kind": "ipsec", "lso.position": "2"}
    assert result.containers[2].labels == labels
    assert result.networks[4].labels == labels | {"lso.role": "lan"}
    assert {flow.cookie for flow in result.flows} == {0x3F2B8C1E_00000007}


def test_the_intent_that_a_vnf_gets() -> None:
    result = plan(SiteIntent("test-site", (vnf("gateway", "ipsec", authentication="psk"),)), first=5)
    assert result.containers[0].intent == {
        "contract": "1",
        "kind": "ipsec",
        "name": "gateway",
        "ports": [
            {"role": "lan", "mac": "02:42:64:40:00:16", "mtu": 1400, "addresses": ["10.1.0.1/24"]},
            {
                "role": "wan",
                "mac": "02:42:64:40:00:1a",
                "mtu": 1500,
                "addresses": ["198.51.100.1/24"],
                "gateway": "198.51.100.254",
            },
        ],
        "ipsec": {"authentication": "psk"},
    }
    attachments = [(item.network, item.address, item.mac) for item in result.containers[0].attachments]
    assert attachments == [
        ("3f2b8c1e-gateway-lan", "100.64.0.22", "02:42:64:40:00:16"),
        ("3f2b8c1e-gateway-wan", "100.64.0.26", "02:42:64:40:00:1a"),
    ]


@pytest.mark.parametrize(
    "chain",
    [
        (),
        ("ipsec",),
        ("firewall", "ipsec"),
        ("firewall", "statistics", "ipsec"),
        ("statistics", "firewall", "ipsec"),
        ("firewall", "statistics"),
    ],
)
def test_packets_meet_every_vnf_in_order_and_come_back_the_same_way(chain: tuple[str, ...]) -> None:
    result = plan(site(*chain))
    there = trace(result, "lan0")
    assert there[0] == "lan0"
    assert there[-1] == "wan0"
    assert _vnfs(result, there) == [(kind, role) for kind in chain for role in ("lan", "wan")]
    assert trace(result, "wan0") == tuple(reversed(there))
    assert len(result.flows) == 2 * (len(chain) + 1)


def _vnfs(result: SitePlan, path: Sequence[str]) -> list[tuple[str, str]]:
    owners = {port.name: (port.vnf, port.role) for port in result.ports}
    return [owners[name] for name in path if name in owners]


def test_only_the_ends_of_links_have_rules_and_each_has_one() -> None:
    result = plan(POC)
    assert sorted(flow.in_port for flow in result.flows) == sorted(["lan0", "wan0", *(p.name for p in result.ports)])
    back = {(flow.output, flow.in_port) for flow in result.flows}
    assert back == {(flow.in_port, flow.output) for flow in result.flows}


@dataclass(frozen=True)
class Observed:
    priority: int
    in_port: str
    output: str


def test_a_trace_of_observed_rules_shows_a_bypass_a_gap_and_a_loop() -> None:
    result = plan(POC)
    rules = [Observed(flow.priority, flow.in_port, flow.output) for flow in result.flows]
    gateway = result.ports[4].name
    bypass = [*rules, Observed(200, "lan0", gateway)]
    assert trace(result, "lan0", bypass) == ("lan0", gateway, result.ports[5].name, "wan0")
    gap = [rule for rule in rules if rule.in_port != result.ports[1].name]
    assert trace(result, "lan0", gap) == ("lan0", result.ports[0].name, result.ports[1].name)
    assert trace(result, "lan0", []) == ("lan0",)
    loop = [*rules, Observed(200, result.ports[1].name, result.ports[0].name)]
    assert trace(result, "lan0", loop)[-1] == result.ports[0].name


def test_placeholders_never_meet() -> None:
    places = [placeholder(index) for index in (*range(600), PLACEHOLDERS - 1)]
    assert len({place.mac for place in places}) == len(places)
    for place in places:
        network = IPv4Network(place.subnet)
        assert network.subnet_of(IPv4Network("100.64.0.0/10"))
        assert {IPv4Address(place.gateway), IPv4Address(place.address)} == set(network.hosts())
    for one, other in pairwise(places[:600]):
        assert not IPv4Network(one.subnet).overlaps(IPv4Network(other.subnet))


@pytest.mark.parametrize("index", [-1, PLACEHOLDERS])
def test_placeholders_end(index: int) -> None:
    with pytest.raises(ValueError, match="is outside"):
        placeholder(index)


def test_names_fit_the_kernel_up_to_the_last_placeholder() -> None:
    intent = site("ipsec")
    result = plan_site(
        SERVICE, 1, intent, "site-a", {key: PLACEHOLDERS - 1 - n for n, key in enumerate(port_keys(intent))}
    )
    assert {len(port.name) for port in result.ports} == {15}
    assert len({port.name for port in result.ports}) == 2


def test_cookies() -> None:
    assert service_prefix(SERVICE.upper()) == "3f2b8c1e"
    assert service_cookie(SERVICE, 1) == 0x3F2B8C1E_00000001
    assert service_cookie(SERVICE, 2**32 + 3) == 0x3F2B8C1E_00000003


def test_a_plan_survives_the_store() -> None:
    result = plan(SiteIntent("test-site", (vnf("gateway", "ipsec", peers=[{"psk": "s", "subnets": []}]),)))
    assert load_plan(json.loads(json.dumps(dump_plan(result)))) == result


def test_an_address_that_is_missing_is_noticed() -> None:
    with pytest.raises(KeyError):
        plan_site(SERVICE, 1, POC, "site-a", {})


def test_flows_follow_the_outer_ports_of_the_intent() -> None:
    result = plan(replace(site("ipsec"), lan_port="lan1", wan_port="wan1"))
    assert trace(result, "lan1")[-1] == "wan1"
    assert {flow for flow in result.flows if "lan0" in (flow.in_port, flow.output)} == set()
    assert result.flows[0] == Flow(100, "lan1", result.ports[0].name, service_cookie(SERVICE, 7))
