"""Values that could only fail later: each is a finding with its line, before anything starts."""

from __future__ import annotations

import argparse
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import pytest

from lso.commands import run, validate
from lso.exits import BAD_INPUT, PASSED
from lso.scenario_files import load
from scenarios.file.errors import ScenarioError
from scenarios.file.format import lab_name
from scenarios.references import KINDS
from testbed.lab import management_network
from testbed.spec.check import check, spec_findings
from testbed.spec.model import LabSpec, SiteSpec
from testbed.spec.names import MAX_SITES

GOOD = """\
scenario: table
title: A good scenario
topology:
  underlays:
    internet: {prefix: 198.51.100.0/24}
    mpls: {prefix: 203.0.113.0/24}
  sites:
    site-a:
      lan: 10.1.0.0/24
      gateway: 10.1.0.1
      hosts: {a1: 10.1.0.10, a2: 10.1.0.11}
      wan: {uplink: {underlay: internet, address: 198.51.100.1}}
    site-b:
      lan: 10.2.0.0/24
      gateway: 10.2.0.1
      hosts: {b1: 10.2.0.10}
      wan: {wan0: {underlay: internet, address: 198.51.100.2}}
    site-c:
      lan: 10.3.0.0/24
      gateway: 10.3.0.1
      hosts: {c1: 10.3.0.10}
      wan: {wan0: {underlay: mpls, address: 203.0.113.3}}
service:
  name: poc
  endpoints: [{site: site-a}, {site: site-b}]
  applications: [{id: web, criteria: {PROTV4: 6, DPORT: 80}}, {id: icmp, criteria: {PROTV4: 1}}]
  policies: [{id: business, criteria: {ENCRYPTION: Yes}}]
  mappings: {web: business, icmp: block}
steps:
  - {id: T-1, verb: ping, with: {from: a1, to: b1}}
  - {id: T-2, verb: ipsec.established, with: {between: [site-a, site-b]}}
  - {id: T-3, verb: firewall.blocks, with: {from: a1, to: b1, protocol: tcp, destination_port: 23, rule: default}}
"""

A_GATEWAY = "gateway: 10.1.0.1\n"
A_WAN = "uplink: {underlay: internet, address: 198.51.100.1}"
A1 = "a1: 10.1.0.10,"
B_LAN = "lan: 10.2.0.0/24\n      gateway: 10.2.0.1\n      hosts: {b1: 10.2.0.10}"
PING = "verb: ping, with: {from: a1, to: b1}"
AGES = "verb: firewall.ages, with: {from: a1, to: b1, tcp_port:"
CHAIN = "steps:"
BLOCKS = "protocol: tcp, destination_port: 23, rule: default"


def _wan(port: str) -> tuple[str, str]:
    return A_WAN, A_WAN.replace("uplink", port)


def _lan_b(prefix: str, gateway: str, host: str) -> tuple[str, str]:
    return B_LAN, f"lan: {prefix}\n      gateway: {gateway}\n      hosts: {{b1: {host}}}"


# name → (what stands in the good file, what stands there instead, line, place and words of the finding)
WRONG = {
    "port that is the management port": (*_wan("eth0"), "12: site-a.wan.eth0: the name 'eth0' is taken"),
    "port that is the LAN port": (*_wan("lan0"), "12: site-a.wan.lan0: the name 'lan0' is taken"),
    "port that is the loopback": (*_wan("lo"), "12: site-a.wan.lo: the name 'lo' is taken"),
    "port that is the bridge": (*_wan("br-ucpe"), "12: site-a.wan.br-ucpe: the name 'br-ucpe' is taken"),
    "port that is the switch's own": (*_wan("ovs-netdev"), "12: site-a.wan.ovs-netdev: the name 'ovs-netdev' is"),
    "port that is the kernel's own": (*_wan("gre0"), "12: site-a.wan.gre0: the name 'gre0' is taken"),
    "port that is the switch's, made later": (*_wan("ovs-gretap0"), "12: site-a.wan.ovs-gretap0: the name 'ovs-gretap"),
    "port of the kernel's words": (*_wan("all"), "12: site-a.wan.all: the name 'all' is taken"),
    "port of 17 characters": (*_wan("internet-access-1"), "12: site-a.wan.internet-access-1: a port has a name of at"),
    "port with a capital": (*_wan("WAN0"), "12: site-a.wan.WAN0: string should match"),
    "two ports on one underlay": (
        A_WAN, f"{A_WAN}, wan9: {{underlay: internet, address: 198.51.100.9}}",
        "12: site-a.wan.wan9.underlay: port uplink is on underlay 'internet' already",
    ),
    "host called as a LAN calls its uCPE": (A1, "ucpe: 10.1.0.10,", "11: site-a.hosts.ucpe: the name 'ucpe' is taken"),
    "host called as a site": (A1, "site-b: 10.1.0.10,", "11: site-a.hosts.site-b: the name 'site-b' is taken"),
    "host called as an underlay": (A1, "mpls: 10.1.0.10,", "11: site-a.hosts.mpls: the name 'mpls' is taken"),
    "host called as one of another site": ("{c1:", "{a2:", "21: site-c.hosts.a2: the name 'a2' is taken"),
    "site called as an underlay": ("site-c:", "mpls:", "18: sites.mpls: the name 'mpls' is taken"),
    "host of 32 characters": (A1, f"a{'1' * 31}: 10.1.0.10,", "11: string should match"),
    "equal WAN addresses": ("198.51.100.2}", "198.51.100.1}", "17: site-b.wan.wan0.address: 198.51.100.1 is given twi"),
    "WAN that is the network": ("198.51.100.1}", "198.51.100.0}", "12: 198.51.100.0 is the address of the network"),
    "WAN that is the broadcast": ("198.51.100.1}", "198.51.100.255}", "12: 198.51.100.255 is the address of the broad"),
    "WAN outside": ("198.51.100.1}", "203.0.113.1}", "12: 203.0.113.1 is outside 198.51.100.0/24"),
    "gateway that is the broadcast": (A_GATEWAY, "gateway: 10.1.0.255\n", "10: gateway: 10.1.0.255 is the address of"),
    "gateway that is the network": (A_GATEWAY, "gateway: 10.1.0.0\n", "10: gateway: 10.1.0.0 is the address of"),
    "gateway that is a host": (A_GATEWAY, "gateway: 10.1.0.10\n", "11: hosts.a1: 10.1.0.10 is given twice"),
    "gateway that is a number": (A_GATEWAY, "gateway: 10\n", "10: gateway: an address is text"),
    "host that is the network": (A1, "a1: 10.1.0.0,", "11: hosts.a1: 10.1.0.0 is the address of"),
    "host that is the broadcast": (A1, "a1: 10.1.0.255,", "11: hosts.a1: 10.1.0.255 is the address of"),
    "host with leading zeros": (A1, "a1: 010.1.0.10,", "11: hosts.a1: input is not a valid IPv4 address"),
    "hosts with one address": (A1, "a1: 10.1.0.11,", "11: hosts.a2: 10.1.0.11 is given twice"),
    "equal LANs": (
        *_lan_b("10.1.0.0/24", "10.1.0.2", "10.1.0.20"), "14: site-b.lan: 10.1.0.0/24 overlaps 10.1.0.0/24, the LAN of",
    ),
    "overlapping LANs": (
        *_lan_b("10.0.0.0/8", "10.9.0.1", "10.9.0.20"), "14: site-b.lan: 10.0.0.0/8 overlaps 10.1.0.0/24",
    ),
    "LAN that is an underlay": (
        *_lan_b("198.51.100.0/24", "198.51.100.8", "198.51.100.9"), "14: site-b.lan: 198.51.100.0/24 overlaps",
    ),
    "underlays that overlap": ("{prefix: 203.0.113.0/24}", "{prefix: 198.51.100.0/25}", "6: mpls.prefix: 198.51.100.0"),
    "rate that rounds to nothing": ("203.0.113.0/24}", "203.0.113.0/24, rate_mbit: 1e-7}", "6: mpls.rate_mbit: input"),
    "rate that no queue holds": ("203.0.113.0/24}", "203.0.113.0/24, rate_mbit: 1e9}", "6: mpls.rate_mbit: input"),
    "multicast LAN": (*_lan_b("224.1.0.0/24", "224.1.0.1", "224.1.0.2"), "14: site-b.lan: 224.1.0.0/24 cannot be used"),
    "loopback LAN": (*_lan_b("127.1.0.0/24", "127.1.0.1", "127.1.0.2"), "14: site-b.lan: 127.1.0.0/24 cannot be used"),
    "link-local LAN": (*_lan_b("169.254.1.0/24", "169.254.1.1", "169.254.1.2"), "14: site-b.lan: 169.254.1.0/24 canno"),
    "reserved LAN": (*_lan_b("240.1.0.0/24", "240.1.0.1", "240.1.0.2"), "14: site-b.lan: 240.1.0.0/24 cannot be used"),
    "LAN of this network": (*_lan_b("0.0.0.0/0", "10.9.0.1", "10.9.0.2"), "14: site-b.lan: 0.0.0.0/0 cannot be used"),
    "LAN of one address": (*_lan_b("10.2.0.1/32", "10.2.0.1", "10.2.0.1"), "14: site-b.lan: 10.2.0.1/32 has no room"),
    "LAN without a length": (*_lan_b("10.2.0.0", "10.2.0.1", "10.2.0.2"), "14: site-b.lan: a network is text with a l"),
    "LAN that is a number": (*_lan_b("10", "10.2.0.1", "10.2.0.2"), "14: site-b.lan: a network is text with a length"),
    "site ordered twice": ("{site: site-b}]", "{site: site-a}]", "25: service.endpoints[1].site: the site 'site-a' st"),
    "application twice": ("{id: icmp, c", "{id: web, c", "26: applications[1].id: Application \"web\" stands twice"),
    "mapping of no application": ("icmp: block", "imcp: block", "28: service.mappings.imcp: no application 'imcp'"),
    "mapping to no policy": ("web: business", "web: busines", "28: service.mappings.web: no policy 'busines'"),
    "override of no application": ("{site: site-b}]", "{site: site-b, overrides: {wbe: block}}]", "25: no application"),
    "policy with the reserved name": ("{id: business", "{id: block", "27: policies[0].id: Policy name \"block\" is"),
    "criterion that is no number or text": ("PROTV4: 1}", "PROTV4: true}", "26: applications[1].criteria.PROTV4"),
    "criterion that is a fraction": ("DPORT: 80", "DPORT: 80.0", "26: applications[0].criteria.DPORT"),
    "number that is a truth value": (PING, PING.replace("b1}", "b1, count: true}"), "30: count: true and false are no"),
    "number with underscore": (PING, PING.replace("b1}", "b1, interval_seconds: 1_0}"), "30: interval_seconds: thi"),
    "path within one LAN": (PING, PING.replace("b1}", "a2}"), "30: steps[0].with.to: hosts 'a1' and 'a2' are on one L"),
    "path to a site without the service": (PING, PING.replace("b1}", "c1}"), "30: with.to: host 'c1' is at site-c, wh"),
    "bounds that exclude each other": (
        PING, PING.replace("b1}", "b1, loss_percent_at_least: 5}"), "30: loss_percent_at_least is above",
    ),
    "tunnel with one end": ("[site-a, site-b]}", "[site-a]}", "31: steps[1].with.between: a tunnel has two ends"),
    "tunnel to itself": ("[site-a, site-b]}", "[site-a, site-a]}", "31: between[1]: 'site-a' stands twice"),
    "tunnel of no end point": ("[site-a, site-b]}", "[site-a, site-c]}", "31: between[1]: 'site-c' is no end point"),
    "rule that no application is": (BLOCKS, BLOCKS.replace("default", "wbe"), "32: with.rule: no application 'wbe'"),
    "time-outs that are too long to wait for": (
        PING, f"{AGES} 80, udp_port: 9, timeouts: {{udp: 11, tcp_opening: 1}}}}",
        "30: steps[0].with.timeouts: none of tcp_opening, tcp_established, udp, udp_stream is 2 to 10 seconds",
    ),
    "time-outs of nothing": (PING, f"{AGES} 80, udp_port: 9}}", "30: steps[0].with.timeouts: is missing"),
    "time-out that is no number": (PING, f"{AGES} 80, udp_port: 9, timeouts: {{udp: soon}}}}", "30: with.timeouts.udp"),
    "idle connections of no flow": (
        PING, f"{AGES} 80, udp_port: 9, timeouts: {{udp: 3}}}}", "30: with.udp_port: no flow lets UDP to port 9",
    ),
    "idle connections to a blocked port": (
        PING, f"{AGES} 23, udp_port: 9, timeouts: {{tcp_opening: 3}}}}", "30: steps[0].with.tcp_port: no flow lets TCP",
    ),
    "TCP without a port": (BLOCKS, BLOCKS.replace("23", "0"), "32: steps[2].with: tcp needs a destination_port"),
    "engine that no machine has": ("{id: T-1, ", "{id: T-1, require: {esp: kernal}, ", "30: require.esp: no esp engin"),
    "kind that no VNF is": (CHAIN, "  chain: [firewal, ipsec]\nsteps:", "29: service.chain[0]: no kind of VNF 'firewa"),
    "step that asks a VNF which is not there": (
        CHAIN, "  chain: [statistics, ipsec]\nsteps:", "33: steps[2].verb: firewall.blocks asks the firewall VNF",
    ),
    "tunnel without a gateway": (
        CHAIN, "  chain: [firewall]\nsteps:", "32: steps[1].verb: ipsec.established asks the ipsec VNF",
    ),
    "step behind the removal": (
        PING, "verb: service.removed", "31: steps[1].verb: T-1 has removed the service by then",
    ),
    "sites without a common underlay": ("{site: site-b}]", "{site: site-c}]", "25: service.endpoints: No underlay con"),
    "id with a space": ("scenario: table", "scenario: my table", "1: scenario: string should match"),
}  # fmt: skip


def test_the_good_file_is_good(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(GOOD)
    assert validate.run(_options(file)) == PASSED


@pytest.mark.parametrize("name", WRONG)
def test_wrong_value_is_a_finding(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, expected = WRONG[name]
    line, _, words = expected.partition(": ")
    file = tmp_path / "scenario.yaml"
    assert GOOD.count(before) == 1
    file.write_text(GOOD.replace(before, after))
    assert validate.run(_options(file)) == BAD_INPUT
    assert run.run(_options(file)) == BAD_INPUT
    with pytest.raises(ScenarioError) as error:
        load(file)
    texts = [f"{finding.line}: {finding}" for finding in error.value.findings]
    assert any(text.startswith(f"{line}: ") and words in text for text in texts), texts


RIGHT = {
    "host called as another kind of port": (A1, "lan1: 10.1.0.10,"),
    "host called as a kernel's interface": (A1, "dummy0: 10.1.0.10,"),
    "port called as one of a host": _wan("dummy0"),
    "port called as a word of OpenFlow": _wan("flood"),
    "site called as every machine": ("site-c:", "localhost:"),
    "LAN of Docker's bridge on the machine": _lan_b("172.17.0.0/16", "172.17.0.1", "172.17.0.2"),
    "LAN in the pool of management networks": _lan_b("172.30.0.0/15", "172.30.0.1", "172.31.0.2"),
    "LAN in the range of placeholders": _lan_b("100.64.0.0/16", "100.64.0.1", "100.64.0.2"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_collides_with_nothing_is_right(name: str, tmp_path: Path) -> None:
    """Each ran in a lab: uCPEs, VNFs and LANs have namespaces of their own, and the uCPE's engine has no bridge."""
    before, after = RIGHT[name]
    file = tmp_path / "scenario.yaml"
    steps = GOOD[GOOD.index("steps:") :]
    file.write_text(GOOD.replace(before, after).replace(steps, "steps: [{id: T-1, verb: service.active}]\n"))
    load(file)


def test_more_sites_than_a_management_network_has_addresses() -> None:
    sites = tuple(SiteSpec(f"s{number}", f"10.{number}.0.0/24", f"10.{number}.0.1", (), ()) for number in range(254))
    (finding,) = spec_findings(LabSpec("lab", sites, ()))
    assert str(finding) == "sites: a lab has at most 253 sites, not 254"
    assert spec_findings(LabSpec("lab", sites[:MAX_SITES], ())) == ()
    network = IPv4Network("172.30.9.0/24")
    assert ip_address(management_network.address(network, MAX_SITES - 1)) == network.broadcast_address - 1


def test_the_kinds_are_those_of_the_contract() -> None:
    contract = Path(__file__).parents[3] / "vnfs" / "contract"
    assert set(KINDS) == {
        path.name.removesuffix("-intent.schema.json") for path in contract.glob("*-intent.schema.json")
    }


@pytest.mark.parametrize(
    ("scenario", "lab"),
    [
        ("poc-two-sites-ordering", "poc-two-sites-ordering"),
        ("Branch.Web_2", "branch-web-2"),
        ("2sites", "lab-2sites"),
        ("x" * 50, "x" * 24),
        ("abcdefghijklmnopqrstuvw-x", "abcdefghijklmnopqrstuvw"),
    ],
)
def test_every_id_names_a_lab(scenario: str, lab: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(GOOD.replace("scenario: table", f"scenario: {scenario}"))
    assert lab_name(scenario) == lab
    check(load(file).scenario.lab_spec())


def _options(*paths: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.configure(parser)
    return parser.parse_args([*map(str, paths)])
