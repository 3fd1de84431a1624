"""How much a large order may cost before it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from common.findings import MAX_REPORTED
from presto.domain.check import Surroundings, check
from presto.domain.model import Application, Criterion, EndPoint, PolicyAssignment, Swvc
from presto_api.mef.payload import MAX_FLOWS

from ..conftest import make_inventory


def order(flows: int, mappings: int) -> Swvc:
    applications = [Application(f"flow-{n}", None, (Criterion("DPORT", (str(n + 1),)),)) for n in range(flows)]
    ends = tuple(EndPoint(f"site-{letter}", f"site-{letter}-lan0") for letter in "ab")
    assigned = [PolicyAssignment(f"flaw-{number}", "block") for number in range(mappings)]
    return Swvc("acme", "multipoint", ends, applications=tuple(applications), mappings=tuple(assigned))


def test_only_what_is_told_is_looked_for() -> None:
    assert len(check(order(10, 5000), Surroundings(make_inventory()))) == MAX_REPORTED + 1


def test_what_a_map_names_is_not_remembered_of_another_one() -> None:
    """A flow and a group of one name are told apart, whatever order came before."""
    plain, wrong = order(1, 0), ("mappings", 0, "application")
    kinds: list[tuple[Literal["flow", "group"] | None, list[object]]] = [("flow", []), ("group", [wrong]), (None, [])]
    for kind, found in kinds:
        mapped = replace(plain, mappings=(PolicyAssignment("flow-0", "block", kind),))
        assert [finding.path for finding in check(mapped, Surroundings(make_inventory()))] == found


@pytest.mark.parametrize(("number", "found"), [(MAX_FLOWS, []), (MAX_FLOWS + 1, [("applications",)])])
def test_a_service_has_so_many_applications(number: int, found: list[object]) -> None:
    assert [finding.path for finding in check(order(number, 0), Surroundings(make_inventory()))] == found
