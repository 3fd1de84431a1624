"""A product of a template is swapped for another of its kind, and what does not fit is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.model import TemplateError, UnknownProduct
from orchestrator.tosca import Catalogue

from ..conftest import SiteInputs

DESCRIPTOR = """\
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml]
node_types:
  other.Wall:
    derived_from: lso.nodes.vnf.Firewall
    artifacts: {{ image: {{ type: lso.artifacts.ContainerImage, file: "other/wall:{release}" }} }}
    properties:
      linux_capabilities: {{ type: list, default: [NET_RAW], entry_schema: {{ type: string }} }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of VNFs with one more firewall, `wall`."""
    (tmp_path / "others" / "wall").mkdir(parents=True)
    (tmp_path / "others" / "wall" / "descriptor.yaml").write_text(DESCRIPTOR.format(release=1))
    return tmp_path / "others"


def test_a_product_takes_the_place_of_the_templates(folder: Path, site_inputs: SiteInputs) -> None:
    catalogue = Catalogue(vnfs=[folder])
    before = catalogue.compile("poc-site", site_inputs())
    after = catalogue.compile("poc-site", site_inputs(), {"firewall": "wall"})
    assert [vnf.name for vnf in after.vnfs] == ["firewall", "statistics", "ipsec"]
    assert after.vnfs[1:] == before.vnfs[1:]
    assert (after.vnfs[0].node_type, after.vnfs[0].image) == ("other.Wall", "other/wall:1")
    assert after.vnfs[0].linux_capabilities == ("NET_RAW",)
    assert after.vnfs[0].config == before.vnfs[0].config
    assert catalogue.compile("poc-site", site_inputs()) == before, "one site's choice is not another's"


def test_a_changed_descriptor_is_read_anew(folder: Path, site_inputs: SiteInputs) -> None:
    catalogue = Catalogue(vnfs=[folder])
    first = catalogue.template("poc-site", {"firewall": "wall"})
    assert catalogue.template("poc-site", {"firewall": "wall"}) is first
    (folder / "wall" / "descriptor.yaml").write_text(DESCRIPTOR.format(release=2))
    assert catalogue.compile("poc-site", site_inputs(), {"firewall": "wall"}).vnfs[0].image == "other/wall:2"


def test_a_product_that_changed_is_described_anew(folder: Path) -> None:
    catalogue = Catalogue(vnfs=[folder])
    assert catalogue.product("firewall", "wall").vendor is None
    (folder / "wall" / "product.json").write_text('{"vendor": "other"}')
    assert catalogue.product("firewall", "wall").vendor == "other"
    (folder / "wall" / "product.json").write_text('{"vendor": "another"}')
    assert catalogue.product("firewall", "wall").vendor == "another"
    (folder / "wall" / "descriptor.yaml").write_text(DESCRIPTOR.format(release=2))
    found = catalogue.product("firewall", "wall")
    assert (found.vendor, found.image) == ("another", "other/wall:2")


def test_an_image_of_the_templates_own_goes_with_its_product(folder: Path, tmp_path: Path) -> None:
    own = "{ image: { type: lso.artifacts.ContainerImage, file: ours/special } }"
    (tmp_path / "one.yaml").write_text(f"""\
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml, wall/descriptor.yaml]
topology_template:
  node_templates:
    lan: {{ type: lso.nodes.LanPort, requirements: [next: guard] }}
    guard: {{ type: other.Wall, artifacts: {own}, properties: {{ default: allow }}, requirements: [next: wan] }}
    wan: {{ type: lso.nodes.WanPort }}
""")
    catalogue = Catalogue([tmp_path], [folder])
    assert catalogue.compile("one", {}).vnfs[0].image == "ours/special"
    swapped = catalogue.compile("one", {}, {"firewall": "wall"}).vnfs[0]
    assert (swapped.image, swapped.config["default"]) == ("other/wall:1", "allow")


def test_a_template_without_that_kind_is_told(site_inputs: SiteInputs) -> None:
    catalogue = Catalogue()
    (wall, *_) = (product.name for product in catalogue.products() if product.kind == "firewall")
    with pytest.raises(TemplateError, match="there is no VNF of the kind firewall"):
        catalogue.compile("gateway-site", site_inputs(), {"firewall": wall})


def test_what_the_kind_has_not_is_told_at_the_template(folder: Path, tmp_path: Path) -> None:
    """A property of one vendor's own, which the other does not know."""
    (folder / "moat").mkdir()
    moat = DESCRIPTOR.format(release=1).replace("other.Wall", "other.Moat").replace("linux_capabilities:", "depth:")
    (folder / "moat" / "descriptor.yaml").write_text(moat)
    (tmp_path / "one.yaml").write_text("""\
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [lso_types.yaml, moat/descriptor.yaml]
topology_template:
  node_templates:
    lan: { type: lso.nodes.LanPort, requirements: [next: guard] }
    guard: { type: other.Moat, properties: { depth: [deep] }, requirements: [next: wan] }
    wan: { type: lso.nodes.WanPort }
""")
    catalogue = Catalogue([tmp_path], [folder])
    assert not catalogue.template("one").findings
    (finding,) = catalogue.template("one", {"firewall": "wall"}).findings
    assert (finding.line, finding.message) == (6, "other.Wall has no property depth")


@pytest.mark.parametrize(
    ("kind", "name", "message", "hint"),
    [
        ("firewall", "wal", "there is no product wal", 'Did you mean "wall"?'),
        ("ipsec", "wall", "wall is a product of the kind firewall, not ipsec", "Known: "),
        ("firewall", "../wall", "there is no product ../wall", 'Did you mean "wall"?'),
    ],
)
def test_products_that_there_are_not(
    kind: str, name: str, message: str, hint: str, folder: Path, site_inputs: SiteInputs
) -> None:
    with pytest.raises(UnknownProduct) as error:
        Catalogue(vnfs=[folder]).compile("poc-site", site_inputs(), {kind: name})
    assert error.value.message == message
    assert error.value.hint.startswith(hint)
