from __future__ import annotations

import pytest

from reports.text import count_text, duration_text, number_text, printable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (3.416, "3.42 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (45.14, "45.1 s"),
        (59.96, "1 min 00 s"),
        (365, "6 min 05 s"),
        (3725, "1 h 02 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00021, "0.0002"),
        (0.25, "0.25"),
        (5, "5"),
        (12.5, "12.5"),
        (100, "100"),
        (1480.4, "1,480"),
        (-3.5, "-3.5"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number_text(value) == text


def test_count() -> None:
    assert [count_text(n, "step") for n in (0, 1, 1200)] == ["0 steps", "1 step", "1,200 steps"]
    assert [count_text(n, "canary", "canaries") for n in (1, 2)] == ["1 canary", "2 canaries"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, über 3 µs – ✓\n\tend", "plain, über 3 µs – ✓\n\tend"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("a\x00b\r\x7f\x9b", "a\ufffdb\ufffd\ufffd\ufffd"),
        ("cod\u202eexe.", "cod\ufffdexe."),
        ("\ufffe\ud800", "\ufffd\ufffd"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
