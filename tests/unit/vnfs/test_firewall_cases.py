"""The table that decides whether two firewalls are equal is complete, and each case can be told from the others."""

from __future__ import annotations

from collections import Counter

import pytest

from lso.vnf.firewall import cases as table
from lso.vnf.firewall.cases import cases

from .test_contract import accepts, changed


def test_the_table_is_large_enough_to_tell_products_apart() -> None:
    outcomes = Counter(sent.outcome for case in cases() for sent in case.packets)
    assert len({case.name for case in cases()}) == len(cases()) >= 80
    assert min(outcomes[name] for name in ("default", "dropped", "established", "foreign")) >= 10


def test_every_intent_of_the_table_is_one_of_the_contract() -> None:
    assert [
        case.name for case in cases() if not accepts("firewall", changed("firewall", "firewall", case.firewall))
    ] == []


def test_packets_have_what_their_lines_say() -> None:
    sent = table.sent("lan udp p>53 vlan=7 ttl=9 tos=184 size=60", "foreign", 20000)
    (frame,) = sent.frames
    assert (frame[:6].hex(), len(frame)) == ("810000070800", 66)
    assert (frame[7], frame[14], frame[26:28], frame[28:30]) == (184, 9, b"\x4e\x20", b"\x00\x35")


@pytest.mark.parametrize(
    ("line", "whole", "frames"),
    [
        ("lan udp p>53 size=100", 100, 100),
        ("lan udp p>53 size=3000 fragment=1400", 3000, 3040),
        ("lan udp6 p>53 size=100", 100, 100),
    ],
)
def test_bytes_are_those_of_the_packet_or_of_its_fragments(line: str, whole: int, frames: int) -> None:
    sent = table.sent(line, "default", 20000)
    assert (sent.whole_bytes, sent.bytes) == (whole, frames)


@pytest.mark.parametrize("line", ["lan udp p>53 tll=9", "lan udq p>53", "lan udp p"])
def test_a_line_that_says_nothing_is_an_error(line: str) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError, IndexError)):
        table.sent(line, "default", 20000)
