"""What `lso vnf check` sends and how it judges what comes back, without a product; and what it says of bad input."""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP

from lso.checking.console import CheckConsole
from lso.checking.judged import judged
from lso.vnf.checks import ProductCheck, checks_of
from lso.vnf.checks.idempotence import counts
from lso.vnf.checks.refusals import notation, spoilt
from lso.vnf.faults import ProductFault
from lso.vnf.firewall.every_port import _segments
from lso.vnf.kinds import KINDS, Kind
from lso.vnf.run import run_checks
from lso.vnf.session import Session
from lso.vnf.state import difference, shape
from lso.vnf.statistics.totals import PACKETS, _drawn, numbers
from lso.vnf.subject import Subject
from reports.model import Check, RunResult, Verdict

from ...vnfs.test_contract import PORTS, accepts

BEYOND_THE_SCHEMA = {
    "a MAC address that no port has",
    "two ports with one role",
    "two rules with one id",
    "an IPv6 prefix that is none",
    "a range that ends before it starts",
    "two keys for one identity",
}


def good(kind: Kind, config: Any) -> dict[str, Any]:
    ports = [{**port, "addresses": list(kind.addresses[str(port["role"])])} for port in PORTS]
    return copy.deepcopy({"contract": "1", "kind": kind.name, "name": "x", "ports": ports, kind.name: dict(config)})


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_good_intents_are_those_of_the_contract_and_bad_ones_are_not(kind: Kind) -> None:
    assert accepts(kind.name, good(kind, kind.config))
    assert accepts(kind.name, good(kind, kind.other))
    assert kind.config != kind.other
    taken = {bad.what for bad in kind.bad if accepts(kind.name, spoilt(good(kind, kind.config), bad))}
    assert taken <= BEYOND_THE_SCHEMA
    assert len({bad.what for bad in kind.bad}) == len(kind.bad)


def test_places_are_written_as_refusals_write_them() -> None:
    assert notation("firewall.rules.0.source.12") == "firewall.rules[0].source[12]"


@pytest.mark.parametrize("kind", KINDS)
def test_checks_have_names_of_their_own(kind: str) -> None:
    ids = [check.id for check in checks_of(kind)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("protocol", "layer"), [("TCP", TCP), ("UDP", UDP)])
@pytest.mark.parametrize("port", [0, 1, 80, 0x7FFF, 0xFFFF])
def test_every_packet_of_a_sweep_has_the_right_checksum(protocol: str, layer: Any, port: int) -> None:
    frame = _segments(protocol, "lan")(port)
    packet = IP(frame[2:])
    assert (packet[layer].sport, packet[layer].dport) == (port, port)
    sent, packet[layer].chksum = packet[layer].chksum, None
    assert IP(bytes(packet))[layer].chksum == sent


STATUS = {
    "ready": True,
    "name": "fw",
    "rules": [{"id": "web", "packets": 5, "bytes": 200}],
    "default": {"packets": 1, "bytes": 40},
    "flows": [{"packets": 9}],
}


def test_counts_are_told_by_their_rule_or_place_and_flows_are_left_out() -> None:
    assert counts(STATUS) == {"web.packets": 5, "web.bytes": 200, "default.packets": 1, "default.bytes": 40}


def test_the_shape_of_a_status_has_no_numbers_but_all_else() -> None:
    later = {**STATUS, "rules": [{"id": "web", "packets": 6, "bytes": 240}]}
    assert shape(STATUS) == shape(later)
    assert shape(STATUS) != shape({**later, "ready": False})
    assert shape(STATUS) != shape({**later, "rules": [*later["rules"], {"id": "web", "packets": 0, "bytes": 0}]})  # type: ignore[misc]


def test_differences_are_told_by_their_first_lines() -> None:
    assert difference(["a", "b"], ["a", "b"]) == ""
    assert difference(["a", "b"], ["a", "c"]) == "- b; + c"
    assert difference([], ["a", "b", "c", "d", "e"]) == "+ a; + b; + c and 2 more"


def run(*functions: Any) -> tuple[RunResult, str]:
    """A run of checks that need no container; those whose names begin with `needed` are needed."""
    stream = io.StringIO()
    checks = [
        ProductCheck(one.__name__, one.__name__, one, "Image", "mend it", needed=one.__name__.startswith("needed"))
        for one in functions
    ]
    subject = Subject("acme", "acme:1", "sha256:0", {"lso.vnf.vendor": "acme"}, 1)
    with CheckConsole(stream) as console:
        result = run_checks(Session(subject, KINDS["firewall"], None, 7), checks, console, "lso vnf check acme")  # type: ignore[arg-type]
        console.end(result, None)
    return result, stream.getvalue()


def fine(session: Session) -> Iterator[Check]:
    yield judged("one", True)


def needed_and_bad(session: Session) -> Iterator[Check]:
    yield judged("two", False, "this", "that")


def faulty(session: Session) -> Iterator[Check]:
    yield judged("three", True)
    raise ProductFault("/vnf/status printed no JSON: 'x'")


def in_trouble(session: Session) -> Iterator[Check]:
    yield judged("four", True)
    raise OSError(28, "No space left on device")


def test_a_finding_says_what_where_and_what_to_do() -> None:
    result, told = run(fine, faulty)
    assert (result.verdict, result.subject) == (Verdict.FAILED, "product")
    assert result.steps[1].message == "1 of 2 wrong: faulty"
    assert result.steps[1].hint == "mend it (docs/vnf-contract.md, Image)"
    assert "faulty: expected done, measured /vnf/status printed no JSON: 'x'" in told
    assert told.splitlines()[-1].startswith("failed: 2 checks, 1 finding, in ")


def test_what_the_machine_does_is_no_finding() -> None:
    result, _ = run(fine, in_trouble)
    assert (result.verdict, result.steps[1].verdict) == (Verdict.ERROR, Verdict.ERROR)
    assert "No space left on device" in result.steps[1].message


def test_what_needs_a_bad_check_is_skipped_and_says_so() -> None:
    result, _ = run(fine, needed_and_bad, faulty)
    assert [step.verdict for step in result.steps[1:]] == [Verdict.FAILED, Verdict.SKIPPED]
    assert result.steps[2].message == "nothing can be said before 'needed_and_bad' passes"


def test_a_folder_without_its_files(lso: Any, tmp_path: Path) -> None:
    ran = lso("vnf", "check", str(tmp_path))
    assert (ran.code, ran.out) == (2, "")
    for name in ("Dockerfile", "descriptor.yaml"):
        assert f"{name}: there is no such file; lso vnf new shows one" in ran.err


def test_a_descriptor_that_is_wrong_is_told_with_its_place(lso: Any, tmp_path: Path) -> None:
    lso("vnf", "new", "firewall", "acme", "--folder", str(tmp_path))
    descriptor = tmp_path / "acme" / "descriptor.yaml"
    descriptor.write_text(descriptor.read_text().replace("lso.nodes.vnf.Firewall", "lso.nodes.vnf.Firewal"))
    ran = lso("vnf", "check", str(tmp_path / "acme"))
    assert (ran.code, ran.out) == (2, "")
    assert "descriptor.yaml:" in ran.err
    assert "lso.nodes.vnf.Firewall" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x", "--kind", "firewal"], """there is no kind 'firewal'. Did you mean "firewall"?"""),
        (["x", "--html", "/none/a.html"], "/none/a.html: there is no folder /none"),
        (["x", "--json", "/"], "/: it is a folder"),
        (["x", "--seed", "x"], "invalid int value: 'x'"),
    ],
)
def test_arguments_that_cannot_be(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("vnf", "check", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


METER: dict[str, Any] = {
    "directions": {"lan-to-wan": {"packets": 2, "bytes": 99}, "wan-to-lan": {"packets": 0, "bytes": 0}},
    "protocols": [{"direction": "lan-to-wan", "protocol": "udp", "packets": 2, "bytes": 99}],
    "flows": [
        {
            "direction": "lan-to-wan", "source": "10.1.0.10", "destination": "10.2.0.10", "protocol": "udp",
            "source_port": 7, "destination_port": 9, "packets": 2, "bytes": 99,
        }
    ],
    "untracked": {"packets": 1, "bytes": 50},
    "other": {"lan-to-wan": {"packets": 3, "bytes": 90}, "wan-to-lan": {"packets": 0, "bytes": 0}},
    "foreign": {"packets": 4, "bytes": 200},
    "lost": 5,
}  # fmt: skip


def test_numbers_of_a_meter_are_told_by_what_they_count() -> None:
    found = numbers(METER)
    flow = "flow lan-to-wan udp 10.1.0.10:7 10.2.0.10:9"
    assert (found["lan-to-wan packets"], found["udp lan-to-wan bytes"], found[f"{flow} packets"]) == (2, 99, 2)
    assert (found["other lan-to-wan"], found["foreign"], found["lost"], found["untracked packets"]) == (3, 4, 5, 1)


def test_a_meter_without_a_number_is_at_fault() -> None:
    with pytest.raises(ProductFault, match="the status has not the form of its schema: 'directions'"):
        numbers({})


def test_what_is_drawn_by_lot_is_drawn_again_from_its_seed() -> None:
    seven, same, eight = (_drawn(random.Random(seed)) for seed in (7, 7, 8))  # noqa: S311  (no secret)
    assert seven == same != eight
    total = sum(sent.counts[f"{way} packets"] for sent in seven for way in ("lan-to-wan", "wan-to-lan"))
    assert total == PACKETS
