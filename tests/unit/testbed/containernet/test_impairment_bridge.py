from __future__ import annotations

from typing import Any

import pytest

from testbed.containernet.impairment_bridge import impairment, milliseconds
from testbed.spec.model import Impairment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("100ms", 100),
        ("1s", 1000),
        ("500us", 0.5),
        ("0.25 sec", 250),
        (1500, 1.5),
        ("20msecs", 20),
        (0, 0),
        (".5MS", 0.5),
        ("1e3us", 1),
    ],
)
def test_times_are_tcs(value: Any, expected: float) -> None:
    assert milliseconds(value) == pytest.approx(expected)


@pytest.mark.parametrize("value", ["soon", "10 minutes", "-5ms", ""])
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is no time: 10ms, 1s or 500us are"):
        milliseconds(value)


def test_words_are_taken_as_tc_takes_them() -> None:
    assert impairment({"delay": "10ms", "loss": 5}) == Impairment(delay_ms=10, loss_percent=5)
    assert impairment({"jitter": "1ms", "delay": "2ms", "loss": "2.5%"}) == Impairment(2, 1, 2.5)
    assert impairment({}) == Impairment()
