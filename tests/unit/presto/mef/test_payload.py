"""The typed payloads against the published schemas of W100: URNs, members and enumerations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

import standards
from presto.domain.model import Criterion, EndPoint, Policy, Swvc
from presto.domain.policies import CRITERIA
from presto.mef.from_core import swvc
from presto_api.mef import payload, wire
from presto_api.mef.envelope import Order
from presto_api.mef.payload import KINDS, MODELS, URNS, Kind

SCHEMAS = standards.FOLDER / "mef-lso-sdwan-schemas" / "schema"
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
    (payload.FlowGroup, "ApplicationFlowSpecificationGroup", set()),
    (payload.AppId, "ApplicationIdentifier", set()),
    (payload.FlowRef, "ApplicationFlowSpecification", set()),
    (payload.Policy, "Policy", set()),
    (payload.PolicyRef, "Policy", set()),
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


def aliases(model: type[BaseModel]) -> set[str]:
    return {str(field.alias) for field in model.model_fields.values()}


@pytest.mark.parametrize("kind", Kind)
def test_types_have_the_published_members(kind: Kind) -> None:
    schema = standards.load(SDWAN / FILES[kind])
    assert schema["$id"] == URNS[kind]
    ours = {"@type"} | ({"ucsList"} if kind is Kind.SWVC else set())
    assert aliases(MODELS[kind]) - ours == set(schema["properties"])


def test_each_type_has_two_names() -> None:
    assert len(KINDS) == 12
    assert all(sum(kind is other for other in KINDS.values()) == 2 for kind in Kind)


@pytest.mark.parametrize(("model", "name", "left_out"), COMMON, ids=[name for _, name, _ in COMMON])
def test_definitions_have_the_published_members(model: type[BaseModel], name: str, left_out: set[str]) -> None:
    properties = standards.load(SDWAN / "sdWanCommon.yaml")["definitions"][name]["properties"]
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
    definitions = standards.load(SCHEMAS / "common" / "ip" / "ipCommon.yaml")["definitions"]
    assert aliases(model) == set(definitions[name]["properties"])


def schema_of(path: Path) -> Any:
    """A published file without its name, so that its references count from where it stands, and without its slips."""
    document = mended(standards.load(path))
    document.pop("$id", None)
    return document


def mended(schema: Any) -> Any:
    """`polName`, `vtName` and `zoneName` have an object where JSON Schema has a list, and a type "String"."""
    if isinstance(schema, list):
        return [mended(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: [value] if name == "allOf" and isinstance(value, dict) else value for name, value in schema.items()}
    return {name: "string" if value == "String" else mended(value) for name, value in parts.items()}


def published(kind: Kind) -> jsonschema.Draft7Validator:
    """The published schema of a type, which takes the members that it names and `@type`, and no others."""

    def retrieve(uri: str) -> Resource[Any]:
        return Resource.from_contents(schema_of(Path(uri.removeprefix("file://"))), DRAFT7)

    path = SDWAN / FILES[kind]
    document = schema_of(path)
    document["properties"]["@type"] = {"const": URNS[kind]}
    document |= {"additionalProperties": False, "required": ["@type"]}
    uri = path.as_uri()
    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]  # its name in attrs is _retrieve
    registry = registry.with_resource(uri, Resource.from_contents(document, DRAFT7))
    return jsonschema.Draft7Validator({"$ref": uri}, registry=registry)


EXAMPLES = Path(__file__).parents[4] / "docs" / "examples" / "orders"


@pytest.mark.parametrize("name", sorted(file.stem for file in EXAMPLES.glob("*.json")))
def test_example_payloads_are_as_published(name: str) -> None:
    for item in json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))["serviceOrderItem"]:
        configuration = item["service"].get("serviceConfiguration")
        if configuration:
            published(KINDS[configuration["@type"]]).validate(configuration)


@pytest.mark.asyncio
async def test_what_the_inventory_tells_is_as_published(mef: Any, client: Any, order: Any) -> None:
    """Of a service of the other face too, whose payloads are told from the core model."""
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    seen = set()
    for service in await mef.services():
        configuration = service["serviceConfiguration"]
        kind = KINDS[configuration["@type"]]
        published(kind).validate(configuration)
        seen.add(kind)
    assert seen == set(Kind)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, rule in CRITERIA.items() for value in rule.honoured]
)
def test_each_value_of_a_criterion_is_told_as_published(name: str, value: str) -> None:
    """Whichever face it came by; and it can be ordered again."""
    policy = Policy("business", (Criterion(name, (value,)),))
    configuration = swvc(Swvc("acme", "multipoint", (EndPoint("a", "1"), EndPoint("b", "2")), policies=(policy,)))
    published(Kind.SWVC).validate(configuration)
    payload.Swvc.model_validate(configuration)


@pytest.mark.parametrize("value", ["10.1.0.0/16", "10.1", "2001:db8::1", "ten", ""])
def test_an_address_is_its_four_numbers(value: str) -> None:
    with pytest.raises(ValidationError, match="four numbers"):
        payload.Ipv4Prefix.model_validate({"ipv4Address": value})


def test_names_that_are_no_text() -> None:
    order, problems = wire.validate(Order, {"a\ud800": 1})
    assert order is None
    assert [(problem.code, problem.path) for problem in problems] == [("unexpectedProperty", ())]


@pytest.mark.parametrize(
    ("kind", "payload_"),
    [
        (Kind.UCS, {"ucsIdentifier": "internet", "ucsType": "SHARED"}),
        (Kind.UCS, {"ucsIdentifier": "internet", "ucsBillingMethod": "FREE"}),
        (Kind.UCS, {"ucsIdentifier": ""}),
        (Kind.UCS_UNI, {"ucsIdentifier": "x" * 54}),
        (Kind.UCS_UNI, {"ucsUniIdentifier": "x"}),
        (Kind.UCS_END_POINT, {"identifier": "x", "endPointBackup": "YES"}),
        (Kind.UCS_END_POINT, {"identifier": "x", "endPointBreakout": True}),
    ],
)
def test_what_the_schema_refuses_we_refuse(kind: Kind, payload_: Any) -> None:
    configuration = {"@type": URNS[kind], **payload_}
    assert list(published(kind).iter_errors(configuration))
    with pytest.raises(ValidationError):
        MODELS[kind].model_validate(configuration)


@pytest.mark.parametrize(
    ("kind", "payload_"),
    [
        *((Kind.UCS, {"ucsIdentifier": "a b", "ucsType": value}) for value in ("PUBLIC", "PRIVATE")),
        *((Kind.UCS, {"ucsIdentifier": "~", "ucsBillingMethod": v}) for v in ("FLAT_RATE", "USAGE_BASE", "OTHER")),
        (Kind.UCS_UNI, {"ucsIdentifier": "x" * 53}),
        *((Kind.UCS_END_POINT, {"identifier": "x", "endPointBackup": value}) for value in ("ENABLED", "DISABLED")),
    ],
)
def test_what_the_schema_takes_we_take(kind: Kind, payload_: Any) -> None:
    configuration = {"@type": URNS[kind], **payload_}
    published(kind).validate(configuration)
    assert MODELS[kind].model_validate(configuration).model_dump(by_alias=True, exclude_unset=True) == configuration
