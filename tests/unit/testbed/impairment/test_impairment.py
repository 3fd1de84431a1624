"""From an impairment to an engine and its options; and wirefilter's report back to numbers."""

from __future__ import annotations

import pytest

from testbed.impairment import EngineName, ImpairmentError, choose
from testbed.impairment.control import numbers, reported
from testbed.impairment.model import queue_bytes
from testbed.impairment.tc import netem_options, tbf_options
from testbed.impairment.wirefilter import settings
from testbed.spec.model import Impairment

ALL = Impairment(delay_ms=20, jitter_ms=5, loss_percent=0.5, rate_mbit=100)


@pytest.mark.parametrize(
    ("impairment", "netem", "engine"),
    [
        (ALL, True, "netem"),
        (Impairment(rate_mbit=5), True, "netem"),
        (ALL, False, "wirefilter"),
        (Impairment(delay_ms=1), False, "wirefilter"),
        (Impairment(loss_percent=1), False, "wirefilter"),
        (Impairment(rate_mbit=5), False, "tbf"),
    ],
)
def test_the_best_engine_that_can_do_it_is_chosen(impairment: Impairment, netem: bool, engine: EngineName) -> None:
    assert choose(impairment, netem=netem) == engine


@pytest.mark.parametrize(
    ("impairment", "options"),
    [
        (Impairment(delay_ms=20), "delay 20ms rate 30gbit limit 20000"),
        (Impairment(delay_ms=20, jitter_ms=5), "delay 20ms 5ms rate 30gbit limit 20000"),
        (Impairment(loss_percent=0.5), "loss random 0.5% rate 30gbit limit 20000"),
        (Impairment(rate_mbit=100), "rate 100000000bit limit 412"),
        (ALL, "delay 20ms 5ms loss random 0.5% rate 100000000bit limit 619"),
    ],
)
def test_netem_gets_each_part_and_a_bounded_queue(impairment: Impairment, options: str) -> None:
    assert " ".join(netem_options(impairment)) == options


def test_tbf_gets_a_rate_and_refuses_anything_more() -> None:
    assert " ".join(tbf_options(Impairment(rate_mbit=10))) == "rate 10000000bit burst 5000 latency 50ms"
    with pytest.raises(ImpairmentError, match="nothing else"):
        tbf_options(ALL)


@pytest.mark.parametrize(
    ("impairment", "expected"),
    [
        (Impairment(), {"delay": "0+0U", "loss": "0", "bandwidth": "0", "chanbufsize": "0"}),
        (ALL, {"delay": "20+5U", "loss": "0.5", "bandwidth": "12500000", "chanbufsize": "937500"}),
    ],
)
def test_wirefilter_gets_bytes_a_second_and_a_bounded_queue(impairment: Impairment, expected: dict[str, str]) -> None:
    assert settings(impairment) == expected


def test_the_queue_holds_what_is_on_its_way_and_never_less_than_some_frames() -> None:
    assert queue_bytes(Impairment(rate_mbit=0.1)) == 30_000
    with pytest.raises(ValueError, match="without a rate"):
        queue_bytes(Impairment())


REPORT = """0000 DATA END WITH '.'
WireFilter: bidirectional
Loss   L->R 2.5+0U   R->L 0+0U
Delay  L->R 30+5U   R->L 0+0U
Bandw  L->R 1.25e+06+0U   R->L 0+0U
Cap.   L->R 60000+0U   R->L 0+0U
Fifoness TRUE
.
1000 Success
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("loss", (2.5, 0)), ("delay", (30, 5)), ("bandwidth", (1.25e6, 0)), ("chanbufsize", (60000, 0))],
)
def test_wirefilters_report_is_read(name: str, value: tuple[float, float]) -> None:
    assert reported(REPORT, name) == value


def test_a_value_that_is_no_number_is_refused() -> None:
    assert reported("", "loss") is None
    with pytest.raises(ImpairmentError, match="nan"):
        numbers("nan")
