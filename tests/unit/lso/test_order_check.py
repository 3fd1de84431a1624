"""What the API would refuse of a scenario's order is a finding at its line, in the API's words, before a lab starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.findings import FileFinding
from lso.api import api_server
from lso.order_check import ENGINES
from lso.scenario_files import load
from scenarios.file.errors import ScenarioError
from scenarios.load import load as load_unordered
from scenarios.ordering.presto_client import PrestoError
from scenarios.session import open_face
from testbed.lab.inventory import inventory

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
      hosts: {a1: 10.1.0.10}
      wan: {wan0: {underlay: internet, address: 198.51.100.1}}
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
  face: presto-rpc
  name: poc
  endpoints: [{site: site-a}, {site: site-b, overrides: {web: block}}]
  applications:
    - {id: web, criteria: {PROTV4: 6, DPORT: 80}}
    - {id: icmp, criteria: {PROTV4: 1}}
    - {id: gre, criteria: {PROTV4: 47}}
  policies:
    - {id: business, criteria: {ENCRYPTION: Yes}}
    - {id: backup, criteria: {ENCRYPTION: Either}}
  mappings: {web: business, icmp: block}
steps:
  - {id: T-1, verb: service.active}
"""
DPORT, SOURCE, PROTOCOL = "DPORT: 80", "PROTV4: 6, ", "PROTV4: 1}"
BUSINESS, BACKUP = "ENCRYPTION: Yes", "ENCRYPTION: Either"
END_POINTS = "[{site: site-a}, {site: site-b, overrides: {web: block}}]"

# What a port may look like in YAML without being one: by the core schema of YAML 1.2 each is a text or a number.
LITERALS = [
    "0b101", "1_000", "22:30", "0x1G", "8O", "+-80", "tcp", "Yes", "on", "2026-02-28", "80-", "-80", "90-80",
    "80-90-100", "70000", "'80 '", "' 80'", '"+80"', '"0x50"', "'80,81'", '"8\\u0660"', "[80, 0b101]", "[]", "=", "<<",
]  # fmt: skip

# name → (what stands in the good file, what stands there instead, line, words of the finding)
RPC = {
    "name reserved": ("name: poc", "name: underlays", "25: service.name: The name \"underlays\" is reserved"),
    "name of dots": ("name: poc", "name: ..", "25: service.name: A service cannot be called \"..\""),
    "name not ASCII": ("name: poc", "name: pöc", "25: service.name: The SWVC identifier has a character"),
    "name with control characters": ("name: poc", 'name: "p\\u0007oc"', "25: service.name: The text has characters"),
    "one end point": (END_POINTS, "[{site: site-a}]", "26: service.endpoints: The order has 1 end point"),
    "no common underlay": (END_POINTS, "[{site: site-a}, {site: site-c}]", "26: service.endpoints: No underlay con"),
    "application not ASCII": ("{id: gre, c", "{id: gré, c", "30: service.applications[2].id: \"gré\" is no appl"),
    "application twice": ("{id: gre, c", "{id: web, c", "30: service.applications[2].id: Application \"web\" stands"),
    "same packets": (PROTOCOL, "PROTV4: tcp, DPORT: 80-80}", "29: applications[1].criteria: Application \"icmp\" can "),
    "no packet": (SOURCE, "PROTV4: icmp, ", "28: service.applications[0].criteria: No packet can satisfy all criteria"),
    "criterion misspelt": (DPORT, "DPRT: 80", "28: applications[0].criteria.DPRT: \"DPRT\" is no application flow"),
    "criterion of IPv6": (DPORT, "SAV6: '::1'", "28: applications[0].criteria.SAV6: SAV6 cannot be honoured"),
    "criterion of content": (DPORT, "APPID: web", "28: applications[0].criteria.APPID: APPID cannot be honoured"),
    "criterion without value": (DPORT, "SAV4: []", "28: applications[0].criteria.SAV4: SAV4 has no value"),
    "any with a value": (DPORT, "ANY: 1", "28: applications[0].criteria.ANY: ANY takes no value"),
    "257 values": (DPORT, f"DPORT: {list(range(257))}", "28: applications[0].criteria.DPORT: DPORT has 257 values"),
    "host bits": (DPORT, "SAV4: 10.1.0.9/24", "28: criteria.SAV4: SAV4: \"10.1.0.9/24\" is not a valid IPv4 prefix"),
    "prefix in a list": (DPORT, "SDAV4: [10.1.0.0/24, 10]", "28: criteria.SDAV4[1]: SDAV4: \"10\" is not a valid IPv4"),
    "protocol": (SOURCE, "PROTV4: 256, ", "28: criteria.PROTV4: PROTV4: \"256\" is not a valid protocol"),
    "Ethertype": (DPORT, "ETHERTYPE: 0x86DD", "28: criteria.ETHERTYPE: ETHERTYPE: only Ethertype 0x0800"),
    "ICMP type": (PROTOCOL, "LSO-ICMPV4-TYPE: ping}", "29: criteria.LSO-ICMPV4-TYPE: LSO-ICMPV4-TYPE: \"ping\" is not"),
    "policy reserved": ("{id: backup", "{id: None", "33: service.policies[1].id: Policy name \"None\" is reserved"),
    "policy twice": ("{id: backup", "{id: business", "33: service.policies[1].id: Policy \"business\" stands twice"),
    "policy criterion misspelt": (BUSINESS, "ENCRYPTON: Yes", "32: policies[0].criteria.ENCRYPTON: \"ENCRYPTON\" is n"),
    "policy not built": (BUSINESS, "BANDWIDTH: 5", "32: policies[0].criteria.BANDWIDTH: BANDWIDTH cannot be honoured"),
    "policy value": (BUSINESS, "ENCRYPTION: Maybe", "32: policies[0].criteria.ENCRYPTION: \"Maybe\" is no value of EN"),
    "policy value not there": (
        BUSINESS, f"{BUSINESS}, INTERNET-BREAKOUT: Yes", "32: criteria.INTERNET-BREAKOUT: INTERNET-BREAKOUT Yes cannot",
    ),
    "policy with two values": (BUSINESS, "ENCRYPTION: [Yes, Either]", "32: criteria.ENCRYPTION: ENCRYPTION needs exac"),
    "policy unlike another": (BUSINESS, f"{BUSINESS}, BACKUP: Yes", "33: policies[1].criteria: Policy \"backup\" give"),
    "policy that no underlay meets": (
        BUSINESS, f"{BUSINESS}, PUBLIC-PRIVATE: Private-only", "32: criteria.PUBLIC-PRIVATE: PUBLIC-PRIVATE Private-on",
    ),
    **{f"port {text}": (DPORT, f"DPORT: {text}", "28: service.applications[0].criteria.DPORT") for text in LITERALS},
}  # fmt: skip
ORDERING = {
    "name reserved": ("name: poc", "name: underlays", "25: service.name: MEF 70 SWVC Identifier: The name \"underl"),
    "name not ASCII": ("name: poc", "name: pöc", "25: service.name: This has characters that are not printable"),
    "name with a control character": ("name: poc", 'name: "p\\0oc"', "25: service.name: The text contains NUL"),
    "one end point": (END_POINTS, "[{site: site-a}]", "26: service.endpoints: W100 R4: This needs 2 or more"),
    "no common underlay": (END_POINTS, "[{site: site-a}, {site: site-c}]", "26: service.endpoints: No underlay conne"),
    "application twice": ("{id: gre, c", "{id: web, c", "30: applications[2].id: MEF 70 R41: Application \"web\" st"),
    "no packet": (SOURCE, "PROTV4: 1, ", "28: applications[0].criteria: MEF 70 R43: No packet can satisfy all crite"),
    "same packets": (PROTOCOL, "PROTV4: 6, DPORT: 80-80}", "29: applications[1].criteria: MEF 70 R44: Application \"i"),
    "port too large": (DPORT, "DPORT: 70000", "28: criteria.DPORT: W100 R4: This must be 65535 or less"),
    "protocol too large": (SOURCE, "PROTV4: 256, ", "28: criteria.PROTV4: W100 R4: This must be 255 or less"),
    "two prefixes": (DPORT, "SDAV4: [10.1.0.0/24, 10.2.0.0/24]", "28: criteria.SDAV4: W100 R4: This takes 1 at most"),
    "host bits": (DPORT, "SAV4: 10.1.0.9/24", "28: criteria.SAV4: SAV4: \"10.1.0.9/24\" is not a valid IPv4 prefix"),
    "no address": (DPORT, "SAV4: 10.1/16", "28: criteria.SAV4: This is no IPv4 address"),
    "policy twice": ("{id: backup", "{id: business", "33: policies[1].id: MEF 70 R17: Policy \"business\" stands twi"),
    "policy reserved": ("{id: backup", "{id: none", "33: policies[1].id: MEF 70 R17: Policy name \"none\" is reserv"),
    "policy not honoured": (
        BUSINESS, f"{BUSINESS}, INTERNET-BREAKOUT: Yes", "32: criteria.INTERNET-BREAKOUT: W100 R4: INTERNET-BREAKOUT E",
    ),
}  # fmt: skip
CASES = [("presto-rpc", *row) for row in RPC.values()] + [("mef-ordering", *row) for row in ORDERING.values()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server as a run starts it, for the uCPEs that the good file gives; no lab is there."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "scenario.yaml").write_text(GOOD)
    spec = load(folder).scenario.lab_spec()
    document = inventory("table", spec, dict.fromkeys([site.name for site in spec.sites], "192.0.2.1"), folder, ENGINES)
    (folder / "inventory.json").write_text(json.dumps(document))
    with api_server(folder / "inventory.json", folder / "presto.db") as url:
        yield url


@pytest.mark.parametrize(("face", "before", "after", "expected"), CASES)
def test_a_refusal_is_a_finding_in_the_words_of_the_api(
    face: str, before: str, after: str, expected: str, server: str, tmp_path: Path
) -> None:
    file = _file(tmp_path, before, after, face)
    line, _, words = expected.partition(": ")
    findings = _findings(file)
    assert any(str(finding.line) == line and words in str(finding) for finding in findings), findings
    scenario = load_unordered(file).scenario
    with open_face(scenario, server) as client, pytest.raises(PrestoError) as refused:
        client.order(scenario.service)
    told = sorted(set(refused.value.messages))
    assert len(told) == len(findings), (told, findings)
    for finding in findings:
        sentence = finding.message if face == "mef-ordering" else f"{finding.message}. {finding.hint}".strip()
        assert any(message.endswith(sentence) for message in told), (sentence, told)


UNWRITABLE = ["0b101", "1_000", "22:30", "tcp", '"+80"', "90-80", "0-99999999999", "80-", '"8\\u0660"']


@pytest.mark.parametrize("text", UNWRITABLE)
def test_what_no_payload_has_a_member_for(text: str, tmp_path: Path) -> None:
    (finding,) = _findings(_file(tmp_path, DPORT, f"DPORT: {text}", "mef-ordering"))
    assert (finding.line, finding.path) == (28, "service.applications[0].criteria.DPORT")
    assert "cannot be ordered through this face as DPORT" in finding.message


@pytest.mark.parametrize("face", ["presto-rpc", "mef-ordering"])
@pytest.mark.parametrize("text", ["0443", "0x1BB", "0o673", "'443'", "443", "443-443", "[443]", "['0443']"])
def test_a_literal_that_is_a_port_is_that_port(text: str, face: str, tmp_path: Path) -> None:
    load(_file(tmp_path, DPORT, f"DPORT: {text}", face))
    with pytest.raises(ScenarioError, match="has the same criteria"):
        load(_file(tmp_path, PROTOCOL, f"PROTV4: 6, DPORT: {text}}}", face, DPORT, "DPORT: 443"))


@pytest.mark.parametrize("value", ["1e2", "80.0", ".5", "true", "~", "", "{low: 80}", "[80, 90.0]", "[[80]]", "FALSE"])
def test_a_value_that_no_criterion_can_have_is_one_finding(value: str, tmp_path: Path) -> None:
    (finding,) = _findings(_file(tmp_path, DPORT, f"DPORT: {value}", "presto-rpc"))
    assert (finding.line, finding.path) == (28, "service.applications[0].criteria.DPORT")
    assert finding.message.startswith("a criterion has a whole number, a text or a list of these")


def test_all_kinds_of_faults_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    changes = {
        "title: A good scenario": "title: [1]",
        "lan: 10.1.0.0/24": "lan: 10.1.0.0",
        "gateway: 10.2.0.1": "gateway: 10.9.0.1",
        DPORT: "DPORT: 0b101",
        PROTOCOL: "PROTV4: 1.5}",
        BUSINESS: "ENCRYPTION: Maybe",
        "icmp: block": "imcp: block",
        "verb: service.active": "verb: ping, with: {from: a1, to: b9, count: true}",
        "face: presto-rpc": "face: presto-rpc\n  mtu: .inf",
    }
    file.write_text(_changed(GOOD, changes))
    assert [(finding.line, finding.path) for finding in _findings(file)] == [
        (2, "title"),
        (9, "topology.sites.site-a.lan"),
        (15, "topology.sites.site-b.gateway"),
        (25, "service.mtu"),
        (29, "service.applications[0].criteria.DPORT"),
        (30, "service.applications[1].criteria.PROTV4"),
        (33, "service.policies[0].criteria.ENCRYPTION"),
        (35, "service.mappings.imcp"),
        (37, "steps[0].with.to"),
        (37, "steps[0].with.count"),
    ]


FOLLOWING = {
    "a LAN that is none": ("lan: 10.1.0.0/24", "lan: here", "topology.sites.site-a.lan"),
    "a site that is none": ("gateway: 10.2.0.1", "gatway: 10.2.0.1", "topology.sites.site-b.gateway"),
    "an underlay that is none": ("prefix: 198.51.100.0/24", "prefix: 5", "topology.underlays.internet.prefix"),
    "hosts that are none": ("hosts: {a1: 10.1.0.10}", "hosts: a1", "topology.sites.site-a.hosts"),
    "an application without id": ("{id: web, c", "{ID: web, c", "service.applications[0].id"),
    "an application with a long id": ("{id: web, c", f"{{id: {'w' * 54}, c", "service.applications[0].id"),
    "a policy without criteria": (f"{BUSINESS}}}", "}", "service.policies[0].criteria"),
    "an end point without site": ("{site: site-a}", "{}", "service.endpoints[0].site"),
    "a name of a site": ("site-c:", "Site-C:", "topology.sites.Site-C"),
}


@pytest.mark.parametrize("name", FOLLOWING)
def test_what_only_follows_from_a_fault_is_not_told(name: str, tmp_path: Path) -> None:
    before, after, path = FOLLOWING[name]
    steps = "verb: ping, with: {from: a1, to: b1}"
    findings = _findings(_file(tmp_path, before, after, "presto-rpc", "verb: service.active", steps))
    assert path in {finding.path for finding in findings}
    others = {finding.path for finding in findings} - {path, path.replace("gateway", "gatway").replace(".id", ".ID")}
    assert others <= {"service.mappings.web", "service.endpoints[1].overrides.web"} & _named_by(name), findings


def _named_by(name: str) -> set[str]:
    """What names an application that is called otherwise now is a fault of its own."""
    return {"service.mappings.web", "service.endpoints[1].overrides.web"} if "long id" in name else set()


def test_an_order_larger_than_a_body_is_a_finding(tmp_path: Path) -> None:
    values = [f"10.{number >> 8}.{number & 255}.{low}/32" for number in range(200) for low in range(250)]
    lists = [values[start : start + 256] for start in range(0, len(values), 256)]
    many = "".join(f"\n    - {{id: a{number}, criteria: {{SAV4: {one}}}}}" for number, one in enumerate(lists))
    file = _file(tmp_path, "  policies:", f"{many.lstrip(chr(10))}\n  policies:", "presto-rpc")
    findings = _findings(file)
    assert [(finding.line, finding.path) for finding in findings] == [(23, "service")]
    assert findings[0].message.startswith("The body ")


# The line behind the good file → line and path of the finding, and its words
PRODUCTS = {
    "products: {site-a: {firewall: nftable}}": 'there is no product nftable Did you mean "nftables"?',
    "products: {site-a: {firewall: strongswan}}": "strongswan is a product of the kind ipsec, not firewall",
    "products: {site-a: {firewal: nftables}}": "no kind of VNF 'firewal' Did you mean \"firewall\"?",
    "products: {site-d: {firewall: nftables}}": "no site 'site-d'",
    "products: {site-c: {firewall: nftables}}": "the service has no end point at 'site-c'",
    "products: {site-a: {firewall: 7}}": "text is wanted",
    "products: {site-a: [nftables]}": "a mapping is wanted",
    "products: {site-a: {firewall: ''}}": "string should have at least 1 character",
}


@pytest.mark.parametrize("line", PRODUCTS)
def test_products_that_cannot_be_chosen(line: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"{GOOD}{line}\n", encoding="utf-8")
    (finding,) = _findings(file)
    assert (finding.line, finding.path.partition(".")[0]) == (37, "products")
    assert f"{finding.message} {finding.hint}".startswith(PRODUCTS[line])


def test_a_product_of_a_kind_that_the_chain_lacks(tmp_path: Path) -> None:
    file = _file(tmp_path, "  name: poc", "  name: poc\n  chain: [ipsec]", "presto-rpc")
    file.write_text(f"{file.read_text()}products: {{site-a: {{firewall: nftables}}}}\n", encoding="utf-8")
    (finding,) = _findings(file)
    assert (finding.path, finding.message) == ("products.site-a.firewall", "service.chain has no firewall VNF")


def test_a_product_is_chosen_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"{GOOD}products: {{site-a: {{firewall: nftables}}}}\n", encoding="utf-8")
    assert load(file).scenario.products == {"site-a": {"firewall": "nftables"}}


def _file(folder: Path, before: str, after: str, face: str, *more: str) -> Path:
    file = folder / "scenario.yaml"
    changes = {before: after, "face: presto-rpc": f"face: {face}", **dict(zip(more[::2], more[1::2], strict=True))}
    file.write_text(_changed(GOOD, changes), encoding="utf-8")
    return file


def _changed(text: str, changes: dict[str, str]) -> str:
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def _findings(file: Path) -> list[FileFinding]:
    with pytest.raises(ScenarioError) as error:
        load(file)
    return [replace(finding, file="") for finding in error.value.findings]


# The line behind the good file → the finding's place, and its words
INPUTS = {
    "inputs: {site-a: {ike_proposal: aes256-sha256-modp1024}}": 'inputs.site-a.ike_proposal: "aes256-sha256-modp10',
    "inputs: {site-a: {peers: {initate: false}}}": "inputs.site-a.peers: peers[0].initate: there is no initate here",
    "inputs: {site-a: {firewall_timeouts: {udp: 0}}}": "inputs.site-a.firewall_timeouts: firewall_timeouts.udp: 0 must",
    "inputs: {site-a: {nothing: 3}}": "inputs.site-a.nothing: the template has no input nothing",
    "inputs: {site-c: {lan_mtu: 1300}}": "inputs.site-c: the service has no end point at 'site-c'",
    "authentication: pks": "authentication: input should be 'certificate' or 'psk'",
    "inputs: {site-a: {ike-proposal: x}}": "inputs.site-a.ike-proposal: string should match pattern",
}


@pytest.mark.parametrize("line", INPUTS)
def test_inputs_that_cannot_be(line: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"{GOOD}{line}\n", encoding="utf-8")
    (finding,) = _findings(file)
    assert finding.line == 37
    assert f"{finding.path}: {finding.message}".startswith(INPUTS[line])


def test_inputs_and_proofs_are_chosen_in_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"{GOOD}authentication: psk\ninputs: {{site-b: {{peers: {{psk: other}}}}}}\n", encoding="utf-8")
    assert load(file).scenario.inputs == {"site-b": {"peers": {"psk": "other"}}}
