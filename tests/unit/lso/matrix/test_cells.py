"""From a matrix file to cells: what is varied, where mistakes are told, what products declare that they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from common.product_folder import VARIABLE
from common.yaml_reader import Document
from lso.matrix.cells import LoadedMatrix, load_matrix
from orchestrator.tosca.documents.document import read_document
from orchestrator.tosca.documents.report import Report
from scenarios.file.errors import ScenarioError

ROOT = Path(__file__).parents[4]
MATRICES = ROOT / "scenarios" / "matrix"
GOOD = """\
matrix: m
base: base.yaml
axes:
  pair: {kind: firewall, sites: [site-a, site-b]}
  option:
    values:
      - {id: plain}
      - {id: psk, change: {authentication: psk}}
      - {id: slow, change: {topology: {underlays: {internet: {delay_ms: 9}}}, steps: {tcp: null}}}
      - {id: no-key, expect: fails-to-connect, change: {inputs: {site-b: {peers: {identity: other}}}}}
negative_steps:
  - {id: refused, verb: ipsec.refused, with: {from: a1, to: b1, destination_port: 9001}}
deviations:
  - {cells: {pair: "nft*", option: slow}, reason: known}
"""


def write(folder: Path, text: str = GOOD) -> Path:
    (folder / "base.yaml").write_text((MATRICES / "two-sites.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    file = folder / "m.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def loaded(folder: Path, text: str = GOOD) -> LoadedMatrix:
    return load_matrix(write(folder, text))


def findings(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        loaded(folder, text)
    return [
        f"{finding.line}: {finding.path}: {finding.message} {finding.hint or ''}" for finding in caught.value.findings
    ]


def test_cells_are_all_combinations_in_the_order_of_the_axes(tmp_path: Path) -> None:
    matrix = loaded(tmp_path)
    pairs = [f"{a}-{b}" for a in ("iptables", "nftables") for b in ("iptables", "nftables")]
    options = ["plain", "psk", "slow", "no-key"]
    assert [cell.id for cell in matrix.cells] == [f"{pair}--{option}" for pair in pairs for option in options]
    assert [axis.id for axis in matrix.axes] == ["pair", "option"]
    assert matrix.cells[5].place == {"pair": "iptables-nftables", "option": "psk"}


def test_a_cell_is_the_scenario_with_its_changes(tmp_path: Path) -> None:
    base = yaml.safe_load((MATRICES / "two-sites.yaml").read_text(encoding="utf-8"))
    cells = {cell.id: yaml.safe_load(cell.text) for cell in loaded(tmp_path).cells}
    slow = cells["iptables-nftables--slow"]
    assert slow["products"] == {"site-a": {"firewall": "iptables"}, "site-b": {"firewall": "nftables"}}
    assert slow["topology"]["underlays"]["internet"] == {"prefix": "198.51.100.0/24", "delay_ms": 9}
    assert [step["id"] for step in slow["steps"]] == [step["id"] for step in base["steps"] if step["id"] != "tcp"]
    assert cells["nftables-nftables--psk"]["steps"] == base["steps"]


def test_products_of_several_kinds_go_round_the_sites(tmp_path: Path) -> None:
    """Within a cell the sites differ in everything, and each product and make of uCPE comes to each site."""
    mix = "{kinds: [firewall, statistics, ucpe], sites: [site-a, site-b]}"
    matrix = loaded(tmp_path, GOOD.replace("  pair: {kind: firewall", f"  mix: {mix}\n  pair: {{kind: ipsec"
                                           ).partition("deviations")[0])  # fmt: skip
    assert [value.id for value in matrix.axes[0].values] == ["mix-1", "mix-2"]
    assert matrix.axes[0].values[0].title == "site-a iptables, flowstat, debian-11; site-b nftables, pmacct, debian-12"
    stand: dict[str, set[tuple[str, ...]]] = {"site-a": set(), "site-b": set()}
    for cell in matrix.cells:
        scenario = yaml.safe_load(cell.text)
        for site, seen in stand.items():
            chosen = scenario["products"][site]
            assert sorted(chosen) == ["firewall", "ipsec", "statistics"]
            make = scenario["topology"]["sites"][site]["ucpe"]
            seen.add((chosen["firewall"], chosen["statistics"], make))
        assert len({scenario["topology"]["sites"][site]["ucpe"] for site in stand}) == 2
    assert stand["site-a"] == stand["site-b"] == {
        ("iptables", "flowstat", "debian-11"), ("nftables", "pmacct", "debian-12")
    }  # fmt: skip


def test_kinds_go_round_until_the_largest_has_been_everywhere(tmp_path: Path) -> None:
    mix = "{kinds: [ipsec, firewall], sites: [site-a, site-b]}"
    matrix = loaded(tmp_path, GOOD.replace("{kind: firewall, sites: [site-a, site-b]}", mix).partition("dev")[0])
    assert [value.title for value in matrix.axes[0].values] == [
        "site-a libreswan, iptables; site-b openiked, nftables",
        "site-a openiked, nftables; site-b strongswan, iptables",
        "site-a strongswan, iptables; site-b libreswan, nftables",
    ]


def test_makes_of_ucpe_are_varied_as_products_are(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, GOOD.replace("kind: firewall", "kind: ucpe").partition("deviations")[0])
    (cell,) = [cell for cell in matrix.cells if cell.id == "debian-11-debian-12--plain"]
    scenario = yaml.safe_load(cell.text)
    assert [site["ucpe"] for site in scenario["topology"]["sites"].values()] == ["debian-11", "debian-12"]
    assert "products" not in scenario


def test_a_cell_that_must_not_connect_has_the_negative_steps(tmp_path: Path) -> None:
    cell = next(cell for cell in loaded(tmp_path).cells if cell.id == "nftables-nftables--no-key")
    assert cell.expect == "fails-to-connect"
    assert [step["verb"] for step in yaml.safe_load(cell.text)["steps"]] == ["ipsec.refused"]


# What stands in the good file, what stands there instead → what is told, with its line
MISTAKES = {
    ("kind: firewall", "kind: firewal"): "4: axes.pair.kind: no product of the kind 'firewal' Did you mean",
    ("kind: firewall", "kinds: [ucpe, firewal]"): "4: axes.pair.kinds[1]: no product of the kind 'firewal' Did you",
    ("kind: firewall", "kinds: [ucpe], products: [x]"): "4: axes.pair: products are of the one kind of an axis",
    ("kind: firewall", "kind: ipsec, kinds: [ucpe]"): "4: axes.pair: an axis has a kind and sites, or kinds and sites",
    ("site-b]}", "site-b], products: [nftable]}"): "4: axes.pair.products[0]: no firewall product 'nftable' Did you ",
    ("sites: [site-a, site-b]", "sites: [site-c]"): "4: axes.pair: products.site-c: no site 'site-c' Did you mean",
    ("base: base.yaml", "base: bas.yaml"): "1: : cannot be read: No such file",
    ("id: psk, change", "id: plain, change"): "8: axes.option.values[1]: the id 'plain' stands twice",
    ("authentication: psk", "authentication: pks"): "8: axes.option.values[1].change.authentication: input should be",
    ("delay_ms: 9", "dealy_ms: 9"): "9: axes.option.values[2].change.topology.underlays.internet.dealy_ms: unknown key",
    ("delay_ms: 9", "'10': 9"): "9: axes.option.values[2].change.topology.underlays.internet.10: unknown key '10'",
    ("delay_ms: 9", "a.b: 9"): "9: axes.option.values[2].change.topology.underlays.internet[a.b]: unknown key 'a.b'",
    ("{tcp: null}", "{tpc: null}"): "9: axes.option.values[2].change.steps.tpc: the scenario has no 'tpc' there Di",
    ("identity: other", "identty: other"): "10: axes.option.values[3].change.inputs.site-b.peers: peers[0].identty",
    ("change: {authentication: psk}", "change: {scenario: x}"): "8: axes.option.values[1].change.scenario: each cell",
    ("verb: ipsec.refused", "verb: ipsec.refuse"): "12: negative_steps[0].verb: unknown verb 'ipsec.refuse' Did you",
    ("option: slow}", "option: slo}"): "14: deviations[0].cells.option: no value of option is like 'slo' Did you me",
    ("{pair: \"nft*\"", "{pare: \"nft*\""): "14: deviations[0].cells.pare: no axis 'pare' Did you mean \"pair\"?",
    ("reason: known", "reason: ''"): "14: deviations[0].reason: string should have at least 1 character",
    ("{kind: firewall, sites: [site-a, site-b]}", "{kind: firewall}"): "4: axes.pair: an axis has a kind and sites, or",
    ("matrix: m", "matrix: m\nbasis: x"): "2: basis: unknown key 'basis' Did you mean \"base\"?",
}  # fmt: skip


@pytest.mark.parametrize("change", MISTAKES, ids=lambda change: change[1])
def test_a_mistake_is_told_at_its_place(change: tuple[str, str], tmp_path: Path) -> None:
    assert GOOD.count(change[0]) == 1
    (told,) = findings(tmp_path, GOOD.replace(*change))
    assert told.startswith(MISTAKES[change])


def test_negative_cells_need_steps(tmp_path: Path) -> None:
    (told,) = findings(tmp_path, GOOD.partition("negative_steps")[0])
    assert told.startswith("1: negative_steps: cells that must fail to connect need steps that prove it")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("authentication: psk", "authentication: pks").replace("delay_ms: 9", "dealy_ms: 9")
    assert [told.partition(":")[0] for told in findings(tmp_path, text)] == ["8", "9"]


PRODUCT = """\
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml]
node_types:
  lso.vnf.Narrow:
    derived_from: lso.nodes.vnf.IPsec
    artifacts: {image: {type: lso.artifacts.ContainerImage, file: lso/vnf-narrow}}
    properties:
      authentication: {type: string, default: certificate, constraints: [{valid_values: [certificate]}]}
"""


def test_what_a_product_declares_that_it_cannot_is_unsupported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vnfs" / "narrow").mkdir(parents=True)
    (tmp_path / "vnfs" / "narrow" / "descriptor.yaml").write_text(PRODUCT, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "vnfs"))
    cells = loaded(tmp_path, GOOD.replace("kind: firewall", "kind: ipsec").partition("deviations")[0]).cells
    unsupported = {cell.id: cell.unsupported for cell in cells if cell.unsupported}
    narrow = [cell.id for cell in cells if "narrow" in cell.id and cell.id.endswith("--psk")]
    assert list(unsupported) == narrow
    others = [path.name for path in (ROOT / "vnfs").iterdir() if (path / "keys").is_file()]
    assert len(narrow) == 1 + 2 * len(others), "with itself, and with each other gateway at either side"
    assert all("must be" in reason for reason in unsupported.values())


@pytest.mark.parametrize("file", ["firewalls.yaml", "ipsec.yaml", "poc-gateways.yaml"])
def test_the_project_s_own_matrices_are_right(file: str) -> None:
    assert load_matrix(MATRICES / file).cells


def test_templates_are_read_once_however_many_cells_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    load_matrix(MATRICES / "firewalls.yaml")
    read: list[str] = []

    def counted(name: str, content: bytes, report: Report) -> Document | None:
        read.append(name)
        return read_document(name, content, report)

    monkeypatch.setattr("orchestrator.tosca.documents.sources.read_document", counted)
    assert load_matrix(MATRICES / "firewalls.yaml").cells
    assert read == []
