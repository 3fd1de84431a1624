"""Hints for unknown words, and how much a large order may cost before it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from presto.domain.check import Surroundings, check
from presto.domain.check_flows import MOST_FLOWS
from presto.domain.findings import MOST_TOLD, Finding, Tag, nearest, told
from presto.domain.model import Application, Criterion, EndPoint, PolicyAssignment, Swvc

from .conftest import make_inventory

SITES = [f"site-{number:05}-lan0" for number in range(4000)]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("webb", ["ping", "web"], 'Did you mean "web"?'),
        ("WEB", ["ping", "web"], 'Did you mean "web"?'),
        ("x", ["ping", "web", "web", ""], "Known: ping, web."),
        ("x", [], "Known: none."),
        ("site-03777-lam0", SITES, 'Did you mean "site-03777-lan0"?'),
        ("?", SITES, f"Known: {', '.join(SITES[:30])} and 3970 more."),
    ],
)
def test_hints(word: str, known: list[str], hint: str) -> None:
    assert nearest(word, known) == hint


def test_what_is_told() -> None:
    findings = [Finding(Tag.INVALID_VALUE, ("mtu",), str(number), "") for number in range(MOST_TOLD + 7)]
    assert told(findings[:MOST_TOLD]) == tuple(findings[:MOST_TOLD])
    assert [finding.message for finding in told(findings)[-2:]] == ["999", "More than 1000 things are wrong"]


def order(flows: int, mappings: int) -> Swvc:
    applications = [Application(f"flow-{n}", None, (Criterion("DPORT", (str(n + 1),)),)) for n in range(flows)]
    ends = tuple(EndPoint(f"site-{letter}", f"site-{letter}-lan0") for letter in "ab")
    assigned = [PolicyAssignment(f"flaw-{number}", "block") for number in range(mappings)]
    return Swvc("acme", "multipoint", ends, applications=tuple(applications), mappings=tuple(assigned))


def test_only_what_is_told_is_looked_for() -> None:
    assert len(check(order(10, 5000), Surroundings(make_inventory()))) == MOST_TOLD + 1


def test_what_a_map_names_is_not_remembered_of_another_one() -> None:
    """A flow and a group of one name are told apart, whatever order came before."""
    plain, wrong = order(1, 0), ("mappings", 0, "application")
    kinds: list[tuple[Literal["flow", "group"] | None, list[object]]] = [("flow", []), ("group", [wrong]), (None, [])]
    for kind, found in kinds:
        mapped = replace(plain, mappings=(PolicyAssignment("flow-0", "block", kind),))
        assert [finding.path for finding in check(mapped, Surroundings(make_inventory()))] == found


@pytest.mark.parametrize(("number", "found"), [(MOST_FLOWS, []), (MOST_FLOWS + 1, [("applications",)])])
def test_a_service_has_so_many_applications(number: int, found: list[object]) -> None:
    assert [finding.path for finding in check(order(number, 0), Surroundings(make_inventory()))] == found
