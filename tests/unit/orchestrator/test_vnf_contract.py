from __future__ import annotations

import copy
from typing import Any

import pytest

from orchestrator.southbound.docker import ContainerEntry
from orchestrator.southbound.memory_state import Vnf
from orchestrator.vnf_contract import label_findings, status_findings

DIGEST = "0" * 64
LABELS = {"lso.vnf.contract": "1", "lso.vnf.kind": "firewall", "lso.vnf.vendor": "none", "lso.vnf.version": "none"}


def status(kind: str) -> dict[str, Any]:
    """The status of a VNF that has seen nothing, as the driver in memory gives it."""
    entry = ContainerEntry("1", "c", "image", "running", {"lso.kind": kind}, {})
    return copy.deepcopy(dict(Vnf(entry, DIGEST).status()))


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        pytest.param({}, None, id="right"),
        pytest.param({"lso.vnf.contract": "7"}, "label lso.vnf.contract is '7', expected '1'", id="contract"),
        pytest.param({"lso.vnf.kind": "banana"}, "label lso.vnf.kind is 'banana', expected 'firewall'", id="kind"),
        pytest.param({"lso.vnf.contract": None}, "label lso.vnf.contract is missing", id="no-contract"),
        pytest.param({"lso.vnf.kind": None}, "label lso.vnf.kind is missing", id="no-kind"),
        pytest.param({"lso.vnf.vendor": None}, "label lso.vnf.vendor is missing", id="no-vendor"),
        pytest.param({"lso.vnf.version": ""}, "label lso.vnf.version is missing", id="empty-version"),
    ],
)
def test_the_labels_of_an_image_say_what_it_is(changes: dict[str, str | None], finding: str | None) -> None:
    labels = {name: value for name, value in {**LABELS, **changes}.items() if value is not None}
    assert label_findings(labels, "firewall") == ((finding,) if finding else ())


def test_all_that_is_wrong_with_labels_is_told_at_once() -> None:
    assert len(label_findings({"lso.vnf.contract": "7", "lso.vnf.kind": "banana"}, "ipsec")) == 4


@pytest.mark.parametrize("kind", ["firewall", "statistics", "ipsec", "something-new"])
def test_a_right_status_has_no_findings(kind: str) -> None:
    assert status_findings(status(kind), kind, {}, DIGEST) == ()


@pytest.mark.parametrize(
    ("kind", "member", "value", "finding"),
    [
        ("firewall", "rules", None, '$: "rules" is a required property'),
        ("firewall", "banana", 1, "$: Additional properties are not allowed ('banana' was unexpected)"),
        ("firewall", "kind", "ipsec", 'kind: "firewall" was expected'),
        ("firewall", "contract", "7", 'contract: "1" was expected'),
        ("firewall", "connections", -1, "connections: -1 is less than the minimum of 0"),
        ("firewall", "vendor", "somebody", "vendor: 'somebody', expected 'none'"),
        ("firewall", "ready", False, "ready: False, expected True"),
        ("firewall", "intent_sha256", "1" * 64, f"intent_sha256: '{'1' * 64}', expected '{DIGEST}'"),
        ("statistics", "lost", "0", 'lost: "0" is not of type "integer"'),
        ("statistics", "flows", [{}], 'flows[0]: "direction" is a required property'),
        ("ipsec", "engine", {}, 'engine: "esp" is a required property'),
        ("something-new", "engine", None, '$: "engine" is a required property'),
    ],
)
def test_what_breaks_the_contract_is_told_with_its_place(kind: str, member: str, value: Any, finding: str) -> None:
    wrong = status(kind)
    if value is None:
        del wrong[member]
    else:
        wrong[member] = value
    assert finding in status_findings(wrong, kind, LABELS, DIGEST)


def test_a_status_of_another_kind_does_not_flood() -> None:
    found = status_findings(status("ipsec"), "statistics", LABELS, "1" * 64)
    assert len(found) == 6
    assert found[-1].startswith("and ")


def test_a_long_list_is_looked_at_in_its_beginning_only() -> None:
    long = status("statistics")
    long["flows"] = [{}] * 50_000
    assert len(status_findings(long, "statistics", LABELS, DIGEST)) == 6
