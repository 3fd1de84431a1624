"""Which underlay carries a service: what its policies demand, what it was ordered over, backups last."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.inventory import Inventory
from presto.domain.check import Surroundings, check
from presto.domain.compile import compile_request
from presto.domain.credentials import Credentials, utc_now
from presto.domain.model import Criterion, EndPoint, Policy, Service, State, Swvc
from presto.domain.settings import Settings

NETWORKS = {"internet": "198.51.100", "mpls": "192.0.2", "lte": "203.0.113"}


@pytest.fixture
def sites(inventory: Inventory) -> Inventory:
    """Two sites on the public Internet, on a private MPLS network with a flat rate, and on LTE as a backup."""
    values = inventory.model_dump(mode="json")
    for number in (0, 1):
        values["ucpes"][number]["wan"] = [
            {"port": f"wan{n}", "underlay": name, "address": f"{net}.{number + 1}/24", "backup": name == "lte"}
            for n, (name, net) in enumerate(reversed(NETWORKS.items()))
        ]
    values["underlays"] = [
        {"name": "mpls", "type": "private", "billing": "flat-rate"},
        {"name": "lte", "billing": "usage-based"},
    ]
    return Inventory.model_validate(values)


def swvc(*policies: dict[str, str], underlays: tuple[str, ...] = ()) -> Swvc:
    ends = tuple(EndPoint(f"site-{x}", f"0000000{n}-0000-4000-8000-000000000000") for n, x in ((1, "a"), (2, "b")))
    named = tuple(
        Policy(f"p{n}", tuple(Criterion(name.replace("_", "-"), (value,)) for name, value in policy.items()))
        for n, policy in enumerate(policies)
    )
    return Swvc("acme", "multipoint", ends, policies=named, underlays=underlays)


def rides(ordered: Swvc, sites: Inventory) -> tuple[str, str]:
    """The underlay of the addresses that the tunnels end at, and what the tunnels do."""
    now = utc_now()
    request = compile_request(
        Service("1", ordered, State.ACCEPTED, 1, now, now), sites, Credentials(), Settings(authentication="psk")
    )
    (network,) = {end.inputs["wan_address"].rpartition(".")[0] for end in request.deployments}
    return {net: name for name, net in NETWORKS.items()}[network], request.deployments[0].inputs["encryption"]


@pytest.mark.parametrize(
    ("policies", "underlays", "carrier", "encryption"),
    [
        ([], (), "mpls", "required"),
        ([], ("internet",), "internet", "required"),
        ([], ("lte", "internet"), "internet", "required"),
        ([], ("lte",), "lte", "required"),
        ([{"PUBLIC_PRIVATE": "Private-only"}], (), "mpls", "required"),
        ([{"PUBLIC_PRIVATE": "EITHER"}], ("internet",), "internet", "required"),
        ([{"BILLING_METHOD": "FLAT_RATE_ONLY"}], ("internet", "mpls"), "mpls", "required"),
        ([{"BILLING_METHOD": "USAGE_BASED_ONLY"}], (), "lte", "required"),
        ([{"BACKUP": "ENABLED"}], (), "mpls", "required"),
        ([{"BACKUP": "DISABLED"}], (), "mpls", "required"),
        ([{"ENCRYPTION": "REQUIRED_PUBLIC_ONLY"}], ("mpls",), "mpls", "integrity-only"),
        ([{"ENCRYPTION": "REQUIRED_PUBLIC_ONLY"}], ("internet",), "internet", "required"),
        ([{"ENCRYPTION": "REQUIRED_PUBLIC_ONLY"}, {"ENCRYPTION": "Yes"}], ("mpls",), "mpls", "required"),
        ([{"ENCRYPTION": "OPTIONAL"}], ("internet",), "internet", "integrity-only"),
    ],
)
def test_the_carrier(
    sites: Inventory, policies: list[dict[str, str]], underlays: tuple[str, ...], carrier: str, encryption: str
) -> None:
    ordered = swvc(*policies, underlays=underlays)
    assert check(ordered, Surroundings(sites)) == ()
    assert rides(ordered, sites) == (carrier, encryption)


@pytest.mark.parametrize(
    ("policies", "underlays", "text"),
    [
        ([{"PUBLIC_PRIVATE": "PRIVATE_ONLY"}], ("internet", "lte"), "no underlay of the sites is known to be private"),
        (
            [{"BILLING_METHOD": "Flat-Rate-Only"}],
            ("internet",),
            "no underlay of the sites is known to have a flat rate",
        ),
        ([{"BACKUP": "No"}], ("lte",), "only a backup connects the sites"),
        ([{"PUBLIC_PRIVATE": "PRIVATE_ONLY", "BILLING_METHOD": "USAGE_BASED_ONLY"}], (), "MEF 70 R22"),
        ([{"BILLING_METHOD": "FLAT_RATE_ONLY"}, {"BILLING_METHOD": "USAGE_BASED_ONLY"}], (), "MEF 70 R22"),
        ([], ("dsl",), "None of the SWVC's UCSs connects all of site-a, site-b"),
    ],
)
def test_no_carrier(sites: Inventory, policies: list[dict[str, str]], underlays: tuple[str, ...], text: str) -> None:
    findings = check(swvc(*policies, underlays=underlays), Surroundings(sites))
    assert len(findings) == 1
    assert text in findings[0].text


def test_an_underlay_that_nobody_describes_is_public_without_a_flat_rate(sites: Any) -> None:
    unknown = sites.underlay("internet")
    assert (unknown.name, unknown.type, unknown.billing) == ("internet", "public", "other")
