from __future__ import annotations

import subprocess
from functools import partial
from typing import Any

import pytest
from mininet.link import TCLink
from mininet.node import Host
from mininet.util import custom

from testbed.containernet.factories import unwrapped
from testbed.containernet.long_commands import LIMIT, pieces


def function(*_args: Any, **_params: Any) -> None:
    """Make something in a way that nobody can look into."""


@pytest.mark.parametrize(
    ("factory", "given", "called", "params"),
    [
        (Host, {"ip": "x"}, Host, {"ip": "x"}),
        (partial(Host, lo="up"), {"ip": "x"}, Host, {"ip": "x", "lo": "up"}),
        (partial(Host, ip="theirs"), {"ip": "x"}, Host, {"ip": "x"}),
        (custom(Host, ip="theirs"), {"ip": "x"}, Host, {"ip": "theirs"}),
        (custom(TCLink), {"bw": 1}, TCLink, {"bw": 1}),
        (partial(custom(partial(TCLink, bw=1), loss=2), delay="3ms"), {}, TCLink,
         {"bw": 1, "loss": 2, "delay": "3ms"}),
        (function, {"bw": 1}, function, {"bw": 1}),
    ],
)  # fmt: skip
def test_what_is_called_in_the_end_and_with_what(
    factory: Any, given: dict[str, Any], called: Any, params: dict[str, Any]
) -> None:
    assert unwrapped(factory, given) == (called, params)


def test_a_partial_with_places_stays_as_it_is() -> None:
    factory = partial(Host, "h1")
    assert unwrapped(factory, {}) == (factory, {})


@pytest.mark.parametrize("command", ["printf %s '" + "'\\''" * 3000 + "'", "echo 'ü\n€' | cat; " * 900, "x" * 5000])
def test_pieces_fit_a_line_and_make_the_command_again(command: str) -> None:
    lines = pieces(command)
    assert max(len(line.encode()) for line in lines) <= LIMIT
    script = "".join(lines) + 'printf %s "$mininet_line"'
    for shell in ("bash", "sh"):
        done = subprocess.run([shell], input=script, capture_output=True, text=True, check=True, timeout=10)
        assert done.stdout == command
