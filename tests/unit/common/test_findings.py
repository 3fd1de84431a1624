"""Hints for unknown words, and how much is told of what is wrong."""

from __future__ import annotations

import pytest

from common.findings import MAX_REPORTED, Finding, Tag, nearest, told

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
    findings = [Finding(Tag.INVALID_VALUE, ("mtu",), str(number), "") for number in range(MAX_REPORTED + 7)]
    assert told(findings[:MAX_REPORTED]) == tuple(findings[:MAX_REPORTED])
    assert [finding.message for finding in told(findings)[-2:]] == ["999", "More than 1000 things are wrong"]
