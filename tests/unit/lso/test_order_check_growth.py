"""Four times as much in a scenario takes little more than four times as long to check, however much of it is wrong."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lso.scenario_files import load
from scenarios.file.errors import ScenarioError

from .test_order_check import GOOD

QUICK = 0.15
"""Seconds of this process below which a ratio says nothing."""
APPLICATION = "    - {{id: app{0}, criteria: {{PROTV4: 6, DPORT: {1}}}}}\n"


def _applications(count: int, port: str) -> str:
    entries = "".join(APPLICATION.format(number, port.format(1000 + number)) for number in range(count))
    return GOOD.replace("  policies:\n", f"{entries}  policies:\n", 1)


def _mappings(count: int) -> str:
    entries = "".join(f"apq{number}: busines{number}, " for number in range(count))
    return _applications(min(count, 990), "{}").replace("mappings: {", f"mappings: {{{entries}")


def _hosts(count: int) -> str:
    hosts = "".join(f", h{number}: 10.1.{number // 250 + 1}.{number % 250 + 1}" for number in range(count))
    steps = "".join(f"  - {{id: S-{n}, verb: ping, with: {{from: x{n}, to: y{n}}}}}\n" for n in range(count))
    return GOOD.replace("a1: 10.1.0.10}", f"a1: 10.1.0.10{hosts}}}").replace("10.1.0.0/24", "10.1.0.0/16") + steps


LARGE: dict[str, tuple[int, Callable[[int], str]]] = {
    "applications": (240, lambda count: _applications(count, "{}")),
    "wrong ports": (240, lambda count: _applications(count, "0b{}")),
    "values of a wrong kind": (600, lambda count: _applications(count, "{}.5")),
    "unknown names": (600, _mappings),
    "unknown hosts": (400, _hosts),
}


@pytest.mark.parametrize("name", LARGE)
def test_four_times_as_much(name: str, tmp_path: Path) -> None:
    count, make = LARGE[name]
    once, more = (min(_seconds(tmp_path, make(size)) for _ in range(3)) for size in (count, 4 * count))
    assert more < QUICK or more <= 8 * max(once, QUICK / 8), (once, more)


def _seconds(folder: Path, text: str) -> float:
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    gc.collect()
    gc.disable()  # a collection goes through all that the process has, however large the file is
    began = time.process_time()
    try:
        load(file)
    except ScenarioError as error:
        assert error.findings
    finally:
        gc.enable()
    return time.process_time() - began
