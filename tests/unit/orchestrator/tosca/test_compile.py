"""The package's templates, filled with inputs, become the intents that the VNF contract asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import orchestrator
from orchestrator.intent import PortIntent, SiteIntent
from orchestrator.model import TemplateError, UnknownTemplate
from orchestrator.plan import plan_site, port_keys
from orchestrator.tosca import Catalogue, compile_site

SiteInputs = Callable[..., dict[str, Any]]
SERVICE = "3f2b8c1e-1111-4222-8333-944455556666"
PROJECT = Path(orchestrator.__file__).parent.parent
CONTRACT = PROJECT / "vnfs" / "contract"

CATALOGUE = Catalogue()


def compile_poc(inputs: dict[str, Any]) -> SiteIntent:
    return compile_site("poc-site", inputs, CATALOGUE)


@pytest.mark.parametrize(
    ("template", "chain"),
    [
        ("poc-site", ["firewall", "statistics", "ipsec"]),
        ("statistics-first-site", ["statistics", "firewall", "ipsec"]),
        ("gateway-site", ["ipsec"]),
    ],
)
def test_the_template_decides_the_chain(template: str, chain: list[str], site_inputs: SiteInputs) -> None:
    inputs = site_inputs(firewall_rules=None) if template == "gateway-site" else site_inputs()
    site = compile_site(template, inputs, CATALOGUE)
    assert [vnf.kind for vnf in site.vnfs] == chain
    assert (site.template, site.lan_port, site.wan_port) == (template, "lan0", "wan0")


def test_every_template_of_the_package_is_right() -> None:
    assert {name: CATALOGUE.template(name).findings for name in CATALOGUE.names()} == {
        "gateway-site": (),
        "poc-site": (),
        "statistics-first-site": (),
    }


def test_ports_before_the_gateway_have_the_lans_mtu(site_inputs: SiteInputs) -> None:
    site = compile_poc(site_inputs(lan_mtu=1380))
    assert [(vnf.kind, port.role, port.mtu) for vnf in site.vnfs for port in vnf.ports] == [
        ("firewall", "lan", 1380),
        ("firewall", "wan", 1380),
        ("statistics", "lan", 1380),
        ("statistics", "wan", 1380),
        ("ipsec", "lan", 1380),
        ("ipsec", "wan", 1500),
    ]


def test_the_gateway_has_addresses_and_the_others_none(site_inputs: SiteInputs) -> None:
    firewall, statistics, ipsec = compile_poc(site_inputs()).vnfs
    assert (firewall.transparent, statistics.transparent, ipsec.transparent) == (True, True, False)
    assert firewall.ports == statistics.ports == (PortIntent("lan", 1400), PortIntent("wan", 1400))
    assert ipsec.ports == (
        PortIntent("lan", 1400, ("10.1.0.1/24",)),
        PortIntent("wan", 1500, ("198.51.100.1/24",), "198.51.100.254"),
    )


def test_defaults_reach_into_nested_values(site_inputs: SiteInputs) -> None:
    site = compile_poc(
        site_inputs(
            firewall_rules=[{"id": "a", "action": "deny"}],
            firewall_timeouts={"udp": 3},
            statistics_export={"protocol": "ipfix", "collector": "10.1.0.10", "address": "10.1.0.253/24"},
            wan_gateway=None,
        )
    )
    firewall, statistics, ipsec = site.vnfs
    assert firewall.config == {
        "default": "deny",
        "rules": [{"id": "a", "action": "deny", "direction": "both", "protocol": "any"}],
        "timeouts": {
            "tcp_opening": 240, "tcp_established": 7440, "tcp_closing": 240, "udp": 3, "udp_stream": 300, "icmp": 30,
        },
    }  # fmt: skip
    assert statistics.config["export"] == {
        "protocol": "ipfix",
        "collector": "10.1.0.10",
        "port": 4739,
        "address": "10.1.0.253/24",
        "active_timeout_seconds": 60,
    }
    assert ipsec.port("wan").gateway is None
    assert ipsec.config["local"]["address"] == "198.51.100.1"


def registry() -> Registry[Any]:
    schemas = [json.loads(path.read_text()) for path in CONTRACT.glob("*.schema.json")]
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"authentication": "psk", "certificate": None, "private_key": None, "ca_certificate": None},
        {"wan_gateway": None, "encryption": "integrity-only", "export_keys": True, "firewall_rules": []},
        {"statistics_export": {"protocol": "netflow9", "collector": "10.1.0.9", "address": "10.1.0.253/24"}},
        {"firewall_rules": [{"id": "p", "action": "deny", "protocol": "icmp", "icmp_types": ["echo-request"]}]},
        {"firewall_rules": [{"id": "n", "action": "deny", "protocol": "47", "source": ["2001:db8::/32"]}]},
    ],
)
def test_intents_keep_the_vnf_contract(changes: dict[str, Any], site_inputs: SiteInputs) -> None:
    site = compile_poc(site_inputs(**changes))
    plan = plan_site(SERVICE, 1, site, "site-a", {key: index for index, key in enumerate(port_keys(site))})
    for container in plan.containers:
        schema = json.loads((CONTRACT / f"{container.kind}-intent.schema.json").read_text())
        Draft202012Validator(schema, registry=registry()).validate(container.intent)


def test_devices_and_capabilities_come_from_the_descriptor(site_inputs: SiteInputs) -> None:
    for vnf in compile_poc(site_inputs()).vnfs:
        assert vnf.image.startswith("lso/vnf-")
        assert "NET_ADMIN" in vnf.linux_capabilities
        assert "SYS_ADMIN" not in vnf.linux_capabilities
    assert "/dev/net/tun" in compile_poc(site_inputs()).vnfs[-1].devices


def test_no_secret_in_representations(site_inputs: SiteInputs) -> None:
    inputs = site_inputs()
    site = compile_poc(inputs)
    plan = plan_site(SERVICE, 1, site, "site-a", {key: index for index, key in enumerate(port_keys(site))})
    for text in (repr(site), repr(plan)):
        assert inputs["private_key"] not in text
        assert repr(inputs["private_key"])[1:-1] not in text
        assert inputs["peers"][0]["psk"] not in text


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"identity": 5}, "identity"),
        ({"private_key": 5}, "private_key"),
        ({"wan_address": "correct horse battery staple"}, "wan_address"),
        ({"peers": "correct horse battery staple"}, "peers"),
    ],
)
def test_no_secret_in_errors(change: dict[str, Any], path: str, site_inputs: SiteInputs) -> None:
    inputs = site_inputs() | change
    with pytest.raises(TemplateError) as caught:
        compile_poc(inputs)
    assert [finding.path for finding in caught.value.findings] == [path]
    assert "BEGIN" not in str(caught.value)
    if path != "peers":
        assert "horse" not in str(caught.value)


def test_findings_of_inputs_come_all_at_once(site_inputs: SiteInputs) -> None:
    inputs = site_inputs(lan_mtu=100, lan_address="10.1.0.300/24", peers=None, colour="red")
    with pytest.raises(TemplateError) as caught:
        compile_poc(inputs)
    assert [finding.path for finding in caught.value.findings] == ["colour", "lan_address", "lan_mtu", "peers"]


def test_unknown_template() -> None:
    with pytest.raises(UnknownTemplate, match=r'there is no template poc-sit \(Did you mean "poc-site"\?\)'):
        CATALOGUE.template("poc-sit")
    for name in ("../types/lso_types", "/etc/passwd", "", "x\0y"):
        with pytest.raises(UnknownTemplate):
            CATALOGUE.template(name)


def test_a_template_is_read_again_only_when_it_changed(tmp_path: Path, site_inputs: SiteInputs) -> None:
    path = tmp_path / "copy.yaml"
    text = (Path(orchestrator.__file__).parent / "templates/poc-site.yaml").read_text()
    text = text.replace("../types/", "").replace("../../vnfs/", "")
    path.write_text(text)
    catalogue = Catalogue([tmp_path])
    first = catalogue.template("copy")
    assert first.findings == ()
    shutil.copystat(path, path)
    assert catalogue.template("copy") is first
    path.write_text(text.replace("port: { get_input: wan_port }", "mtu: 1492"))
    assert catalogue.template("copy") is not first
    assert catalogue.compile("copy", site_inputs()).vnfs[-1].port("wan").mtu == 1492


def test_intents_share_nothing_with_inputs_or_each_other(site_inputs: SiteInputs) -> None:
    inputs = site_inputs()
    before = json.dumps(inputs)
    first = compile_poc(inputs)
    copy = asdict(compile_poc(inputs))
    first.vnfs[0].config["rules"][0]["source"].append("changed")
    first.vnfs[2].config["peers"].clear()
    assert asdict(compile_poc(inputs)) == copy
    assert json.dumps(inputs) == before


def test_what_a_descriptor_gives_is_not_shared_either(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("""
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml]
node_types:
  test.Own:
    derived_from: lso.nodes.vnf.Firewall
    properties: { extra: { type: map, default: { numbers: [1, 2] } } }
    artifacts: { image: { type: lso.artifacts.ContainerImage, file: test/own } }
topology_template:
  node_templates:
    lan: { type: lso.nodes.LanPort, requirements: [next: own] }
    own: { type: test.Own, requirements: [next: wan] }
    wan: { type: lso.nodes.WanPort }
""")
    catalogue = Catalogue([tmp_path])
    catalogue.compile("site", {}).vnfs[0].config["extra"]["numbers"].append(3)
    assert catalogue.compile("site", {}).vnfs[0].config["extra"] == {"numbers": [1, 2]}


def test_eight_threads_compile_as_one_does(site_inputs: SiteInputs) -> None:
    def work(number: int) -> tuple[str, ...]:
        # A catalogue of its own each fourth time, so that tosca-parser is asked by several threads as well.
        catalogue = Catalogue() if number % 4 == 0 else CATALOGUE
        if number % 2:
            with pytest.raises(TemplateError) as caught:
                catalogue.compile("poc-site", site_inputs(lan_mtu=number))
            return tuple(map(str, caught.value.findings))
        site = catalogue.compile("poc-site", site_inputs(lan_mtu=600 + number))
        return tuple(f"{vnf.name} {vnf.ports[0].mtu}" for vnf in site.vnfs)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(64)))
    for number, result in enumerate(results):
        if number % 2:
            assert result == (f"inputs: lan_mtu: {number} must be in the range 576 to 9216",)
        else:
            assert result == tuple(f"{name} {600 + number}" for name in ("firewall", "statistics", "ipsec"))


def test_relationships_may_be_named_or_written_out(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("""
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml, nftables/descriptor.yaml, flowstat/descriptor.yaml]
relationship_types:
  test.Limited:
    derived_from: lso.relationships.Next
    properties: { megabits: { type: integer, constraints: [in_range: [1, 1000]] } }
topology_template:
  inputs: { megabits: { type: integer } }
  relationship_templates:
    slow: { type: test.Limited, properties: { megabits: 10 } }
  node_templates:
    lan:
      type: lso.nodes.LanPort
      requirements: [next: { node: firewall, relationship: slow }]
    firewall:
      type: lso.vnf.Nftables
      requirements:
        - next:
            node: statistics
            capability: traffic
            relationship: { type: test.Limited, properties: { megabits: { get_input: megabits } } }
    statistics:
      type: lso.vnf.Flowstat
      requirements: [next: { node: wan, relationship: lso.relationships.Next }]
    wan: { type: lso.nodes.WanPort, properties: { port: { concat: [wan, { get_property: [lan, mtu] }] } } }
""")
    catalogue = Catalogue([tmp_path])
    site = catalogue.compile("site", {"megabits": 1000})
    assert [vnf.name for vnf in site.vnfs] == ["firewall", "statistics"]
    assert site.wan_port == "wan1400"
    with pytest.raises(TemplateError, match="1001 must be in the range 1 to 1000"):
        catalogue.compile("site", {"megabits": 1001})
