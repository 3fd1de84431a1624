from __future__ import annotations

import math
from typing import Any

import pytest
from mininet.node import Node

from testbed.containernet.links import check_shaping, ends, per_cent

NO_BANDWIDTH = "is no bandwidth: a number of Mbit/s above 0, such as 10 or 0.5, is"
NO_LOSS = "is no loss: a number of per cent from 0 to 100 is"
NO_TIME = "is no time: 10ms, 1s or 500us are"


@pytest.mark.parametrize(
    "options",
    [
        {"bw": 10, "loss": 0, "delay": "10ms", "jitter": "1ms"},
        {"bw": 0.5, "loss": 100, "delay": "1.5sec", "jitter": 0},
        {"bw": None, "loss": "2.5%", "delay": 1000, "jitter": None},
        {"delay": "1e3us", "jitter": ".5MS", "loss": "3"},  # as tc reads numbers and units
        {"colour": "blue"},
    ],
)
@pytest.mark.parametrize("netem", [False, True])
def test_what_a_link_can_do(options: dict[str, Any], netem: bool) -> None:
    check_shaping("link h1 to s1", options, netem=netem)


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        *(("bw", value, NO_BANDWIDTH) for value in ("10Mbit", "10", 0, -1, math.nan, math.inf, True, [10])),
        *(("loss", value, NO_LOSS) for value in (150, -0.1, "150%", "much", math.nan, True, "")),
        *((time, value, NO_TIME) for time in ("delay", "jitter") for value in ("ten", "-5ms", "10 minutes", "", True)),
        ("delay", "10ns", NO_TIME),
        ("delay", -1, NO_TIME),
        ("delay", math.nan, NO_TIME),
    ],
)
@pytest.mark.parametrize("netem", [False, True])
def test_what_no_link_can_do_is_named_with_its_option(option: str, value: Any, reason: str, netem: bool) -> None:
    with pytest.raises(ValueError) as refused:
        check_shaping("link h1 to s1", {option: value}, netem=netem)
    assert str(refused.value) == f"link h1 to s1: {option}: {value!r} {reason}"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delay", "10ms 5ms"),
        ("delay", "10ms 5ms 25%"),
        ("delay", "10ms 5ms distribution normal"),
        ("jitter", "5ms 25% distribution pareto"),
    ],
)
def test_netem_takes_more_words_than_the_engine_in_user_space(option: str, value: str) -> None:
    check_shaping("link h1 to s1", {option: value}, netem=True)
    with pytest.raises(ValueError, match=NO_TIME):
        check_shaping("link h1 to s1", {option: value}, netem=False)


def test_a_loss_is_a_number_or_has_a_per_cent_sign() -> None:
    assert [per_cent(loss) for loss in (1, 0.5, "1%", "0.5")] == [1, 0.5, 1, 0.5]


class Known(Node):  # type: ignore[misc]
    """A node with a name, and nothing behind it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        """Leave alone what a whole node would have to end."""


def test_both_ends_of_a_link_are_nodes_of_the_network() -> None:
    h1, s1 = Known("h1"), Known("switch-1")
    nodes = {"h1": h1, "switch-1": s1}
    assert ends(nodes, "h1", s1) == [h1, s1]
    for other, said in (
        ("nosuch", "link h1 to nosuch: there is no node nosuch. Known: h1, switch-1."),
        ("swich-1", 'link h1 to swich-1: there is no node swich-1. Did you mean "switch-1"?'),
        (None, "link h1 to None: there is no node None"),
    ):
        with pytest.raises(ValueError) as refused:
            ends(nodes, h1, other)
        assert str(refused.value) == said
