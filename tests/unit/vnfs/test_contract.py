"""The contract's schemas accept and refuse, and each product's parts say the same."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

VNFS = Path(__file__).parents[3] / "vnfs"
SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text())
    for path in (VNFS / "contract").glob("*.schema.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
)
PRODUCTS = {path.parent.name: json.loads(path.read_text())["kind"] for path in sorted(VNFS.glob("*/product.json"))}

PORTS = [
    {"role": "lan", "mac": "02:42:64:40:00:01", "mtu": 1400, "addresses": []},
    {"role": "wan", "mac": "02:42:64:40:00:05", "mtu": 1400, "addresses": [], "gateway": None},
]
RULE = {
    "id": "allow-web", "action": "allow", "direction": "lan-to-wan", "source": ["10.1.0.0/24"], "destination": [],
    "protocol": "tcp", "source_ports": [], "destination_ports": ["80", "1000-2000"],
}  # fmt: skip
PEM = "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n"
PEER = {
    "name": "site-b",
    "address": "198.51.100.2",
    "identity": "site-b",
    "subnets": ["10.2.0.0/24"],
    "psk": None,
    "initiate": True,
}
INTENTS: dict[str, dict[str, Any]] = {
    "firewall": {"default": "deny", "rules": [RULE]},
    "statistics": {
        "flow_table_size": 65536, "flow_timeout_seconds": 300,
        "export": {
            "protocol": "ipfix", "collector": "10.1.0.10", "port": 4739, "address": "10.1.0.253/24",
            "active_timeout_seconds": 60,
        },
    },
    "ipsec": {
        "authentication": "certificate", "encryption": "required", "export_keys": False,
        "local": {
            "address": "198.51.100.1", "identity": "site-a", "subnets": ["10.1.0.0/24"],
            "certificate": PEM, "private_key": PEM, "ca_certificate": PEM,
        },
        "peers": [PEER],
        "ike_proposal": "aes256gcm16-prfsha384-ecp384", "esp_proposal": "aes256gcm16-ecp384",
    },
}  # fmt: skip


def intent(kind: str) -> dict[str, Any]:
    return copy.deepcopy({"contract": "1", "kind": kind, "name": kind, "ports": PORTS, kind: INTENTS[kind]})


def accepts(kind: str, value: dict[str, Any]) -> bool:
    return Draft202012Validator(SCHEMAS[f"{kind}-intent"], registry=REGISTRY).is_valid(value)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("kind", INTENTS)
def test_full_intents_are_accepted(kind: str) -> None:
    assert accepts(kind, intent(kind))


ACCEPTED = [
    ("firewall", "firewall.rules", []),
    ("firewall", "firewall.rules.0", {"id": "all", "action": "deny"}),
    (
        "firewall",
        "firewall.rules.0",
        {"id": "ping", "action": "allow", "protocol": "icmp", "icmp_types": ["echo-request"]},
    ),
    ("firewall", "firewall.rules.0", {"id": "any", "action": "allow", "source_ports": [], "icmp_types": []}),
    ("firewall", "firewall.rules.0.source", ["fd00::/64", "10.1.0.9"]),
    ("firewall", "firewall.rules.0", {**RULE, "protocol": "17"}),
    ("firewall", "firewall.timeouts", {}),
    ("firewall", "firewall.timeouts", {"tcp_opening": 1, "udp": 604800}),
    ("statistics", "statistics", {}),
    ("statistics", "statistics.export", None),
    ("ipsec", "ipsec.peers", []),
    ("ipsec", "ipsec.ike_lifetime_seconds", 86400),
    ("ipsec", "ipsec.child_lifetime_seconds", 10),
    ("ipsec", "ipsec.local.crl", None),
]
REFUSED = [
    ("firewall", "kind", "ipsec"),
    ("firewall", "contract", 1),
    ("firewall", "extra", True),
    ("firewall", "ports", PORTS[:1]),
    ("firewall", "ports.0.mac", "02:42:64:40:00:0G"),
    ("firewall", "ports.0.mtu", 100),
    ("firewall", "firewall.default", "drop"),
    ("firewall", "firewall.timeouts", {"udp": 0}),
    ("firewall", "firewall.timeouts", {"udp": 1.5}),
    ("firewall", "firewall.timeouts", {"udp": 604801}),
    ("firewall", "firewall.timeouts", {"sctp": 60}),
    ("firewall", "firewall.rules.0.id", "; drop"),
    ("firewall", "firewall.rules.0.action", "permit"),
    ("firewall", "firewall.rules.0.source", ["10.1.0.0/33"]),
    ("firewall", "firewall.rules.0.source", ["10.1.0.256"]),
    ("firewall", "firewall.rules.0.source", "10.1.0.0/24"),
    ("firewall", "firewall.rules.0.protocol", "256"),
    ("firewall", "firewall.rules.0.protocol", "any"),
    ("firewall", "firewall.rules.0.destination_ports", ["65536"]),
    ("firewall", "firewall.rules.0.destination_ports", [80]),
    ("firewall", "firewall.rules.0.icmp_types", ["echo-request"]),
    ("statistics", "statistics.flow_table_size", 0),
    ("statistics", "statistics.export.protocol", "netflow5"),
    ("statistics", "statistics.export.collector", "collector.example"),
    ("ipsec", "ipsec.authentication", "psk"),
    ("ipsec", "ipsec.local.private_key", None),
    ("ipsec", "ipsec.local.identity", "a b"),
    ("ipsec", "ipsec.local.subnets", []),
    ("ipsec", "ipsec.esp_proposal", "aes256; include /etc/passwd"),
    ("ipsec", "ipsec.encryption", "none"),
    ("ipsec", "ipsec.peers.0.address", "site-b"),
    ("ipsec", "ipsec.ike_lifetime_seconds", 86401),
    ("ipsec", "ipsec.child_lifetime_seconds", 28801),
    ("ipsec", "ipsec.child_lifetime_seconds", 9),
    ("ipsec", "ipsec.child_lifetime_seconds", 60.5),
    ("ipsec", "ipsec.local.crl", "revoked: 1"),
]


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    whole: Any = intent(kind)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    node = whole
    for step in parents:
        node = node[step]
    node[last] = value
    result: dict[str, Any] = whole
    return result


@pytest.mark.parametrize(("kind", "path", "value"), ACCEPTED)
def test_accepted(kind: str, path: str, value: Any) -> None:
    assert accepts(kind, changed(kind, path, value))


@pytest.mark.parametrize(("kind", "path", "value"), REFUSED)
def test_refused(kind: str, path: str, value: Any) -> None:
    assert not accepts(kind, changed(kind, path, value))


PROBE = {"echoes": 5, "peers": [{"name": "site-b", "address": "10.2.0.1"}]}
PROBES = [
    ({}, True),
    ({"echoes": 50}, True),
    ({"echoes": 0}, False),
    ({"echoes": 51}, False),
    ({"echoes": 1.5}, False),
    ({"peers": []}, False),
    ({"peers": [{"name": "site-b"}]}, False),
    ({"peers": [{"name": "site-b", "address": "10.2.0"}]}, False),
    ({"period": 20}, False),
]


@pytest.mark.parametrize(("change", "valid"), PROBES)
def test_what_a_gateway_may_be_asked_to_measure(change: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(SCHEMAS["ipsec-probe"], registry=REGISTRY).is_valid({**PROBE, **change}) is valid


@pytest.mark.parametrize(("product", "kind"), PRODUCTS.items())
def test_the_parts_of_a_product_agree(product: str, kind: str) -> None:
    dockerfile = (VNFS / product / "Dockerfile").read_text()
    labels = dict(re.findall(r'(lso\.vnf\.\w+)="([^"]*)"', dockerfile))
    about = json.loads((VNFS / product / "product.json").read_text())
    descriptor = yaml.safe_load((VNFS / product / "descriptor.yaml").read_text())
    ((name, node_type),) = descriptor["node_types"].items()
    assert labels == {
        "lso.vnf.contract": "1",
        "lso.vnf.kind": kind,
        "lso.vnf.vendor": about["vendor"],
        "lso.vnf.version": about["version"],
    }
    assert about["kind"] == kind
    assert name.lower() == f"lso.vnf.{product}"
    assert node_type["derived_from"].lower() == f"lso.nodes.vnf.{kind}"
    assert node_type["artifacts"]["image"] == {"type": "lso.artifacts.ContainerImage", "file": f"lso/vnf-{product}"}
    assert {"linux_capabilities", "devices", "sysctls"} <= set(node_type["properties"])
    assert f"{kind}-intent.schema.json" in dockerfile


def test_products_share_their_first_layers() -> None:
    """The common packages and adaptors are stored and loaded once only while the instructions are the same."""
    shared = set()
    for product in PRODUCTS:
        text = (VNFS / product / "Dockerfile").read_text()
        shared.add(text[text.rindex("FROM $BASE\n") : text.index("\n\n", text.rindex("FROM $BASE\n"))])
    assert len(shared) == 1
