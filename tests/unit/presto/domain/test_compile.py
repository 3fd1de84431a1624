"""What an order becomes: firewall rules, encryption, peers and keys, up to the compiled site template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from referencing import Registry, Resource

from orchestrator.model import ServiceRequest
from orchestrator.tosca import Catalogue
from presto.domain import credentials
from presto.domain.compile import changed, compile_request
from presto.domain.criteria import ICMP_TYPE
from presto.domain.model import Application, Criterion, EndPoint, Policy, PolicyAssignment, Service, State, Swvc
from presto.domain.policies import encryption
from presto.domain.rules import firewall_rules
from presto.domain.settings import Settings

PREFIXES = tuple(map(IPv4Network, ("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24")))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTRACT = Path(__file__).parents[4] / "vnfs" / "contract"

Criteria = Mapping[str, list[str]]


def flow(name: str, group: str | None = None, /, **criteria: list[str]) -> Application:
    given = {key.replace("_", "-"): values for key, values in criteria.items()}
    return Application(name, group, tuple(Criterion(key, tuple(values)) for key, values in given.items()))


def assign(**entries: str) -> tuple[PolicyAssignment, ...]:
    return tuple(PolicyAssignment(name, policy) for name, policy in entries.items())


def swvc(
    applications: tuple[Application, ...],
    mappings: tuple[PolicyAssignment, ...],
    overrides: tuple[tuple[PolicyAssignment, ...], ...] = ((), ()),
    **changes: Any,
) -> Swvc:
    end_points = tuple(
        EndPoint("abcdef"[number], f"site-{'abcdef'[number]}-lan0", overrides=entries)
        for number, entries in enumerate(overrides)
    )
    given = Swvc("acme", "multipoint", end_points, applications=applications, mappings=mappings)
    return replace(given, **changes)


def brief(rules: list[dict[str, Any]]) -> list[str]:
    """One line a rule: id action direction protocol source:ports > destination:ports types."""

    def side(networks: str, ports: str, rule: dict[str, Any]) -> str:
        return "|".join(rule.get(networks, ["*"])) + (":" + "|".join(rule[ports]) if ports in rule else "")

    return [
        f"{rule['id']} {rule['action']} {rule['direction']} {rule['protocol']} "
        f"{side('source', 'source_ports', rule)} > {side('destination', 'destination_ports', rule)}"
        + "".join(f" {kind}" for kind in rule.get("icmp_types", []))
        for rule in rules
    ]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"ANY": []}, ["x allow both any * > *"]),
        ({"ETHERTYPE": ["0x0800"]}, ["x allow both any * > *"]),
        ({"PROTV4": ["tcp"]}, ["x allow both tcp * > *"]),
        ({"PROTV4": ["6", "TCP", "47"]}, ["x-1 allow both tcp * > *", "x-2 allow both 47 * > *"]),
        ({"PROTV4": ["6"], "DPORT": ["80", "8000-8080"]}, ["x allow both tcp * > *:80|8000-8080"]),
        ({"DPORT": ["53"]}, ["x-1 allow both tcp * > *:53", "x-2 allow both udp * > *:53"]),
        ({"PROTV4": ["17"], "SPORT": ["123"]}, ["x allow both udp *:123 > *"]),
        ({"PROTV4": ["17"], "SDPORT": ["123"]}, ["x-1 allow both udp *:123 > *", "x-2 allow both udp * > *:123"]),
        (
            {"PROTV4": ["17"], "SPORT": ["1-100"], "SDPORT": ["50-200"]},
            ["x-1 allow both udp *:50-100 > *", "x-2 allow both udp *:1-100 > *:50-200"],
        ),
        ({"SAV4": ["10.1.0.0/24"]}, ["x allow both any 10.1.0.0/24 > *"]),
        ({"SAV4": ["10.1.0.7"]}, ["x allow both any 10.1.0.7/32 > *"]),
        ({"DAV4": ["10.1.0.0/24", "10.2.0.0/24"]}, ["x allow both any * > 10.1.0.0/24|10.2.0.0/24"]),
        (
            {"SDAV4": ["10.1.0.0/25"]},
            ["x-1 allow both any 10.1.0.0/25 > *", "x-2 allow both any * > 10.1.0.0/25"],
        ),
        (
            {"SDAV4": ["10.1.0.0/25"], "SAV4": ["10.1.0.0/24"]},
            ["x-1 allow both any 10.1.0.0/25 > *", "x-2 allow both any 10.1.0.0/24 > 10.1.0.0/25"],
        ),
        ({"SDAV4": ["10.9.0.0/24"], "SAV4": ["10.1.0.0/24"]}, ["x allow both any 10.1.0.0/24 > 10.9.0.0/24"]),
        ({ICMP_TYPE: ["echo-request"]}, ["x allow both icmp * > * echo-request"]),
    ],
    ids=str,
)
def test_criteria_become_rules(criteria: Criteria, expected: list[str]) -> None:
    """All criteria of a flow must hold (R43), values of one criterion are alternatives."""
    order = swvc((flow("x", **{key.replace("-", "_"): values for key, values in criteria.items()}),), assign(x="gold"))
    assert brief(firewall_rules(order, 0, PREFIXES[:2])) == expected


TCP80 = {"PROTV4": ["6"], "DPORT": ["80"]}
WEB, REST = flow("web", "office", **TCP80), flow("rest", ANY=[])


@pytest.mark.parametrize(
    ("applications", "mappings", "expected"),
    [
        # the list is ordered and the first match wins (R44)
        ((WEB, REST), assign(web="block", rest="gold"), ["web deny", "rest allow"]),
        ((REST, WEB), assign(web="block", rest="gold"), ["rest allow", "web deny"]),
        # the reserved name in both spellings
        ((WEB,), assign(web="BLOCK"), ["web deny"]),
        # a flow without a policy is blocked, also before a flow that would allow it (R55)
        ((WEB, REST), assign(rest="gold"), ["web deny", "rest allow"]),
        # a group gives its policy to its flows, a flow's own policy beats it (R54)
        ((WEB,), assign(office="gold"), ["web allow"]),
        ((WEB,), assign(office="gold", web="block"), ["web deny"]),
        # no application: nothing but the default, which denies (R45)
        ((), (), []),
    ],
)
def test_policies_become_actions(
    applications: tuple[Application, ...], mappings: tuple[PolicyAssignment, ...], expected: list[str]
) -> None:
    rules = firewall_rules(swvc(applications, mappings), 0, PREFIXES[:2])
    assert [f"{rule['id']} {rule['action']}" for rule in rules] == expected
    assert {rule["direction"] for rule in rules} <= {"both"}


def test_an_override_decides_about_packets_that_enter_there() -> None:
    """Site b blocks web of its own LAN; what comes from a and c is judged by their map, in b and elsewhere."""
    order = swvc((WEB, REST), assign(web="gold", rest="gold"), ((), assign(web="block"), ()))
    rules = {"abc"[index]: brief(firewall_rules(order, index, PREFIXES)) for index in range(3)}
    assert rules["b"] == [
        "web deny lan-to-wan tcp * > *:80",
        "rest allow lan-to-wan any * > *",
        "web-from-a allow wan-to-lan tcp 10.1.0.0/24 > *:80",
        "rest-from-a allow wan-to-lan any 10.1.0.0/24 > *",
        "web-from-c allow wan-to-lan tcp 10.3.0.0/24 > *:80",
        "rest-from-c allow wan-to-lan any 10.3.0.0/24 > *",
    ]
    assert rules["a"][0] == "web allow lan-to-wan tcp * > *:80"
    assert "web-from-b deny wan-to-lan tcp 10.2.0.0/24 > *:80" in rules["a"]


def test_an_override_can_allow_what_the_service_blocks() -> None:
    order = swvc((WEB,), assign(web="block"), (assign(web="gold"), ()))
    assert brief(firewall_rules(order, 0, PREFIXES[:2])) == [
        "web allow lan-to-wan tcp * > *:80",
        "web-from-b deny wan-to-lan tcp 10.2.0.0/24 > *:80",
    ]
    assert brief(firewall_rules(order, 1, PREFIXES[:2])) == [
        "web deny lan-to-wan tcp * > *:80",
        "web-from-a allow wan-to-lan tcp 10.1.0.0/24 > *:80",
    ]


def test_an_override_of_the_same_outcome_needs_no_rules_of_its_own() -> None:
    order = swvc((WEB,), assign(web="gold"), (assign(web="silver"), ()))
    assert brief(firewall_rules(order, 0, PREFIXES[:2])) == ["web allow both tcp * > *:80"]


def test_rule_names_are_unique_and_within_the_contract() -> None:
    flows = (flow("Büro/Web", **TCP80), flow("b ro web", DPORT=["81"]), flow("x-1", ANY=[]), flow("X", DPORT=["82"]))
    rules = firewall_rules(swvc(flows, assign(x="gold")), 0, PREFIXES[:2])
    names = [rule["id"] for rule in rules]
    assert names == ["b-ro-web-1", "b-ro-web-2", "b-ro-web-3", "x-1", "x-2", "x-3"]
    assert len(set(names)) == len(names)


def test_long_names_are_cut_and_stay_unique() -> None:
    flows = (flow("x" * 53, DPORT=["80"]), flow("x" * 52 + "y", DPORT=["81"]))
    order = swvc(flows, (), ((), assign(**{"x" * 53: "gold"})))
    end_points = tuple(replace(end, identifier=end.identifier * 53) for end in order.end_points)
    names = [rule["id"] for rule in firewall_rules(replace(order, end_points=end_points), 0, PREFIXES[:2])]
    assert len(set(names)) == len(names) == 8
    assert all(len(name) <= 63 for name in names)


def policy(name: str, *values: str) -> Policy:
    return Policy(name, (Criterion("ENCRYPTION", values),) if values else (Criterion("BACKUP", ("No",)),))


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((policy("gold", "Yes"),), "required"),
        ((policy("gold", "Either"),), "integrity-only"),
        ((policy("gold", "Either"), policy("silver", "OPTIONAL")), "integrity-only"),
        ((policy("gold", "Either"), policy("silver", "Yes")), "required"),
        ((policy("gold", "REQUIRED_PUBLIC_ONLY"),), "required"),
        ((policy("gold"),), "required"),
        ((), "required"),
    ],
)
def test_encryption(policies: tuple[Policy, ...], expected: str) -> None:
    assert encryption(policies) == expected


def compiled(order: Swvc, inventory: Any, settings: Settings | None = None) -> ServiceRequest:
    settings = settings or Settings()
    service = Service("5ee2d9c0-0000-4000-8000-000000000000", order, State.ACCEPTED, 1, NOW, NOW)
    ucpes = [end_point.uni.removesuffix("-lan0") for end_point in order.end_points]
    keys = credentials.complete(credentials.Credentials(), service.id, ucpes, settings.authentication, NOW)
    return compile_request(service, inventory, keys, settings)


def test_two_sites(inventory: Any) -> None:
    order = swvc((WEB,), assign(web="gold"), mtu=1300, policies=(policy("gold", "Either"),))
    request = compiled(order, inventory)
    assert (request.name, [end.ucpe for end in request.deployments]) == ("acme", ["site-a", "site-b"])
    a, b = (dict(end.inputs) for end in request.deployments)
    for name in ("certificate", "private_key", "ca_certificate"):
        assert a.pop(name).startswith("-----BEGIN ")
    assert a == {
        "site_name": "site-a",
        "lan_address": "10.1.0.1/24",
        "lan_subnets": ["10.1.0.0/24"],
        "lan_mtu": 1300,
        "wan_address": "198.51.100.1/24",
        "identity": "site-a",
        "authentication": "certificate",
        "encryption": "integrity-only",
        "export_keys": False,
        "firewall_rules": [
            {"id": "web", "action": "allow", "direction": "both", "protocol": "tcp", "destination_ports": ["80"]}
        ],
        "peers": [
            {
                "name": "site-b",
                "address": "198.51.100.2",
                "identity": "site-b",
                "subnets": ["10.2.0.0/24"],
                "psk": None,
                "initiate": False,
            }
        ],
    }
    assert b["peers"][0]["initiate"] is True, "the higher-named end point initiates, and it alone"


def test_three_sites_are_a_full_mesh(inventory: Any) -> None:
    request = compiled(swvc((), (), ((), (), ())), inventory)
    peers = {end.ucpe: {peer["name"]: peer["initiate"] for peer in end.inputs["peers"]} for end in request.deployments}
    assert peers == {
        "site-a": {"site-b": False, "site-c": False},
        "site-b": {"site-a": True, "site-c": False},
        "site-c": {"site-a": True, "site-b": True},
    }


def test_leaves_reach_the_root_only(inventory: Any) -> None:
    order = swvc((), (), ((), (), ()), service_type="rooted-multipoint")
    roles: tuple[Literal["leaf", "root"], ...] = ("leaf", "root", "leaf")
    end_points = tuple(replace(end, role=role) for end, role in zip(order.end_points, roles, strict=True))
    request = compiled(replace(order, end_points=end_points), inventory)
    peers = {end.ucpe: [peer["name"] for peer in end.inputs["peers"]] for end in request.deployments}
    assert peers == {"site-a": ["site-b"], "site-b": ["site-a", "site-c"], "site-c": ["site-b"]}


def test_shared_secrets_differ_by_pair_and_agree_between_ends(inventory: Any) -> None:
    request = compiled(swvc((), (), ((), (), ())), inventory, Settings(authentication="psk"))
    secrets = {(end.ucpe, peer["name"]): peer["psk"] for end in request.deployments for peer in end.inputs["peers"]}
    assert all(secrets[one, other] == secrets[other, one] for one, other in secrets)
    assert len(set(secrets.values())) == 3
    assert not any("private_key" in end.inputs for end in request.deployments)


def test_settings_choose_template_and_key_export(inventory: Any) -> None:
    request = compiled(swvc((), ()), inventory, Settings(template="gateway-site", export_keys=True))
    assert {(end.template, end.inputs["export_keys"]) for end in request.deployments} == {("gateway-site", True)}


def test_settings_choose_products_for_each_ucpe(inventory: Any) -> None:
    request = compiled(swvc((), ()), inventory, Settings(products={"site-b": {"firewall": "other"}}))
    assert {end.ucpe: end.products for end in request.deployments} == {"site-a": {}, "site-b": {"firewall": "other"}}


def test_a_second_underlay_is_used_when_it_is_the_common_one(inventory: Any) -> None:
    values = inventory.model_dump(mode="json")
    mpls = {"port": "wan1", "underlay": "mpls", "gateway": "192.0.2.254"}
    values["ucpes"][0]["wan"] = [values["ucpes"][0]["wan"][0], {**mpls, "address": "192.0.2.1/24"}]
    values["ucpes"][1]["wan"] = [{**mpls, "address": "192.0.2.2/24"}]
    request = compiled(swvc((), ()), type(inventory).model_validate(values))
    assert [end.inputs["wan_address"] for end in request.deployments] == ["192.0.2.1/24", "192.0.2.2/24"]
    assert request.deployments[0].inputs["wan_gateway"] == "192.0.2.254"
    for end in request.deployments:
        assert Catalogue().compile(end.template, end.inputs).wan_port == "wan1", "packets leave where the underlay is"


@pytest.mark.parametrize("authentication", ["certificate", "psk"])
def test_the_site_template_takes_it(inventory: Any, authentication: Any) -> None:
    """The real catalogue compiles the inputs, and what it makes of the rules satisfies the VNF contract."""
    flows = (
        flow("telnet", PROTV4=["tcp"], DPORT=["23"]),
        flow("any-of", SDAV4=["10.1.0.0/25"], SDPORT=["53"]),
        flow("ping", LSO_ICMPV4_TYPE=["echo-request"]),
        flow("gre", PROTV4=["gre"], SAV4=["10.1.0.9"]),
    )
    request = compiled(swvc(flows, assign(ping="gold")), inventory, Settings(authentication=authentication))
    for end in request.deployments:
        site = Catalogue().compile(end.template, end.inputs)
        assert [vnf.kind for vnf in site.vnfs] == ["firewall", "statistics", "ipsec"]
        config = json.loads(json.dumps(site.vnfs[0].config))
        assert [rule["id"] for rule in config["rules"]] == [rule["id"] for rule in end.inputs["firewall_rules"]]
        assert config["default"] == "deny"
        validate_firewall(config)


def validate_firewall(config: dict[str, Any]) -> None:
    schemas = [json.loads(file.read_text(encoding="utf-8")) for file in CONTRACT.glob("*.schema.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    port = {"mac": "02:42:64:40:00:02", "mtu": 1400, "addresses": []}
    ports: list[Any] = [{"role": role, **port} for role in ("lan", "wan")]
    intent = {"contract": "1", "kind": "firewall", "name": "firewall", "ports": ports, "firewall": config}
    schema = {"$ref": "urn:lso:vnf-contract:1:firewall-intent"}
    jsonschema.Draft202012Validator(schema, registry=registry).validate(intent)


def test_inputs_of_the_operator_change_the_members_that_they_name() -> None:
    inputs = {"a": 1, "peers": [{"name": "x", "psk": "1"}, {"name": "y", "psk": "2"}], "local": {"b": 1, "c": 2}}
    changes = {"peers": {"psk": "3"}, "local": {"c": 3}, "new": {"d": 4}}
    assert changed(inputs, changes) == {
        "a": 1,
        "peers": [{"name": "x", "psk": "3"}, {"name": "y", "psk": "3"}],
        "local": {"b": 1, "c": 3},
        "new": {"d": 4},
    }
