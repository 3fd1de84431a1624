"""Functions read what a property is in the end: with the defaults of its data type, through one requirement at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.tosca import validate

GOLDEN = Path(__file__).parent / "golden"
TEMPLATE = """
tosca_definitions_version: tosca_simple_yaml_1_3
imports: [vnfs.yaml]
data_types:
  test.Options:
    derived_from: tosca.datatypes.Root
    properties:
      mode: {{ type: string, default: NET_RAW }}
      other: {{ type: string, required: false }}
node_types:
  test.Optional:
    derived_from: test.Firewall
    properties:
      given: {{ type: test.Options, default: {{}} }}
topology_template:
  inputs:
    options: {{ type: test.Options, default: {{}} }}
  node_templates:
    lan: {{ type: lso.nodes.LanPort, requirements: [next: firewall] }}
    firewall:
      type: test.Optional
      properties:
        linux_capabilities: [{function}]
        {properties}
      requirements: [next: wan]
    wan: {{ type: lso.nodes.WanPort }}
"""


@pytest.mark.parametrize(
    ("function", "properties", "finding"),
    [
        pytest.param("{ get_input: [options, mode] }", "", None, id="input"),
        pytest.param("{ get_property: [SELF, given, mode] }", "", None, id="property-not-given"),
        pytest.param("{ get_property: [SELF, given, mode] }", "given: {}", None, id="property-empty"),
        pytest.param("{ get_property: [SELF, given, mode] }", "given: { other: x }", None, id="property-in-part"),
        pytest.param("{ get_property: [SELF, next, port] }", "", '"wan0" must match', id="one-requirement"),
        pytest.param("{ get_property: [lan, next, next, port] }", "", "has no property next", id="two-requirements"),
        pytest.param("{ get_property: [SELF, given, mood] }", "", 'there is no part "mood"', id="no-such-part"),
        pytest.param("{ get_property: [SELF, next, 7] }", "", "wan has no property 7", id="number-for-a-name"),
    ],
)
def test_what_a_function_reads(tmp_path: Path, function: str, properties: str, finding: str | None) -> None:
    (tmp_path / "vnfs.yaml").write_text((GOLDEN / "vnfs.yaml").read_text())
    path = tmp_path / "case.yaml"
    path.write_text(TEMPLATE.format(function=function, properties=properties))
    found = [str(each) for each in validate(path, {})]
    assert (not found) if finding is None else (len(found) == 1 and finding in found[0]), found
