"""The typed payloads against the published schemas of W100: URNs, members and enumerations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from presto.mef import payload
from presto.mef.payload import KINDS, MODELS, URNS, Kind

SCHEMAS = Path(__file__).parents[5] / "shared" / "standards" / "mef-lso-sdwan-schemas" / "schema"
SDWAN = SCHEMAS / "serviceSchema" / "sdWan"
FILES = {
    Kind.SWVC: "swVc.yaml",
    Kind.END_POINT: "swVcEndPoint.yaml",
    Kind.UNI: "sdWanUni.yaml",
    Kind.UCS: "ucs.yaml",
    Kind.UCS_UNI: "ucsUni.yaml",
    Kind.UCS_END_POINT: "ucsEndPoint.yaml",
}
COMMON: list[tuple[type[BaseModel], str, set[str]]] = [
    (payload.FlowCriteria, "ApplicationFlowCriteria", set()),
    (payload.Flow, "ApplicationFlowSpecification", set()),
    # A group is named; that it repeats its flows would be a second place for the same fact.
    (payload.FlowGroup, "ApplicationFlowSpecificationGroup", {"applicationFlowSpecification"}),
    (payload.AppId, "ApplicationIdentifier", set()),
    (payload.Policy, "Policy", set()),
    (payload.PolicyCriteria, "PolicyCriteria", set()),
    (payload.ProviderCriterion, "ServiceProviderDefinedPolicyCriterion", set()),
    (payload.PolicyMap, "PolicyMap", set()),
    (payload.Bandwidth, "BandwidthPolicyCriterion", set()),
    (payload.RateLimiter, "RateLimiter", set()),
    (payload.VirtualTopology, "VirtualTopology", set()),
    (payload.TopologyEndPoints, "VirtualTopologyEndPoint", set()),
    (payload.RootedMultipoint, "VtRootedMultipoint", set()),
    (payload.Zone, "Zone", set()),
    (payload.L2Interface, "L2Interface", set()),
]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def aliases(model: type[BaseModel]) -> set[str]:
    return {str(field.alias) for field in model.model_fields.values()}


@pytest.mark.parametrize("kind", Kind)
def test_types_have_the_published_members(kind: Kind) -> None:
    schema = load(SDWAN / FILES[kind])
    assert schema["$id"] == URNS[kind]
    ours = {"@type"} | ({"ucsList"} if kind is Kind.SWVC else set())
    assert aliases(MODELS[kind]) - ours == set(schema["properties"])


def test_each_type_has_two_names() -> None:
    assert len(KINDS) == 12
    assert all(sum(kind is other for other in KINDS.values()) == 2 for kind in Kind)


@pytest.mark.parametrize(("model", "name", "left_out"), COMMON, ids=[name for _, name, _ in COMMON])
def test_definitions_have_the_published_members(model: type[BaseModel], name: str, left_out: set[str]) -> None:
    properties = load(SDWAN / "sdWanCommon.yaml")["definitions"][name]["properties"]
    assert aliases(model) | left_out == set(properties)
    for field in model.model_fields.values():
        published = properties[str(field.alias)]
        if "enum" in published:
            assert {value for part in get_args(field.annotation) for value in get_args(part)} == set(published["enum"])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (payload.Ipv4Prefix, "Ipv4Prefix"),
        (payload.Ipv6Prefix, "Ipv6Prefix"),
        (payload.Prefix, "Ipv4OrIpv6Prefix"),
        (payload.Ipv4Addressing, "UniIpv4ConnectionAddressing"),
    ],
)
def test_addresses_have_the_published_members(model: type[BaseModel], name: str) -> None:
    assert aliases(model) == set(load(SCHEMAS / "common" / "ip" / "ipCommon.yaml")["definitions"][name]["properties"])
