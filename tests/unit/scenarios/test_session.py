"""How a lab and its API start together, and in which order they end, whichever of them fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from scenarios.session import start

SECONDS = 30.0  # nobody waits for it


class Noted:
    """A lab of nothing that notes what happens; *starting* is called while it starts."""

    def __init__(self, starting: Callable[[], object]) -> None:
        self.events: list[str] = []
        self._starting = starting

    def prepare(self) -> None:
        self.events.append("prepared")

    def start(self) -> None:
        self._starting()
        self.events.append("lab started")

    def stop(self) -> None:
        self.events.append("lab stopped")


@contextmanager
def api(events: list[str], starting: Callable[[], object]) -> Iterator[str]:
    starting()
    events.append("API started")
    try:
        yield "http://127.0.0.1:1"
    finally:
        events.append("API stopped")


def run(lab: Noted, server: Any) -> list[str]:
    with ExitStack() as stack:
        stack.callback(lab.stop)
        lab.events.append(start(lab, server, stack))  # type: ignore[arg-type]
    return lab.events


def fail() -> None:
    raise OSError("no room")


def test_each_starts_while_the_other_does() -> None:
    both = threading.Barrier(2, timeout=SECONDS)
    lab = Noted(both.wait)
    prepared, *started, url, first_stopped, then = run(lab, api(lab.events, both.wait))
    assert (prepared, sorted(started), url) == ("prepared", ["API started", "lab started"], "http://127.0.0.1:1")
    assert (first_stopped, then) == ("API stopped", "lab stopped")


def test_an_api_ends_before_the_lab_that_did_not_start_is_removed() -> None:
    there = threading.Event()
    lab = Noted(lambda: fail() if there.wait(SECONDS) else None)
    with pytest.raises(OSError, match="no room"):
        run(lab, api(lab.events, there.set))
    assert lab.events == ["prepared", "API started", "API stopped", "lab stopped"]


def test_a_lab_is_removed_whose_api_did_not_start() -> None:
    lab = Noted(lambda: None)
    with pytest.raises(OSError, match="no room"):
        run(lab, api(lab.events, fail))
    assert lab.events == ["prepared", "lab started", "lab stopped"]
