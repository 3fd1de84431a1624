from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.console import Console
from reports.model import RunResult

from .report_samples import a_step, sample


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def _shown(result: RunResult, stream: io.StringIO) -> str:
    ticks = itertools.count()
    with Console(stream, clock=lambda: next(ticks) / 2) as console:
        for phase in result.phases:
            console.on_phase(phase.name)
            for step in result.steps if phase.name == "steps" else ():
                console.on_step_started(step.id, step.title)
                console.on_step_finished(step)
        console.summary(result, Path("runs/one"))
    return "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))


@pytest.mark.parametrize("name", ["passed", "failed", "error", "no-steps", "skipped"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.console.txt", _shown(sample(name), io.StringIO()))


@pytest.mark.parametrize("name", ["passed", "no-steps"])
def test_a_summary_alone_begins_with_a_word(name: str) -> None:
    stream = io.StringIO()
    with Console(stream) as console:
        console.summary(sample(name), Path("runs/one"))
    assert stream.getvalue().split()[0] == stream.getvalue().splitlines()[0].split()[0] == "Verdict"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_text_of_results_is_never_interpreted(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    text = _shown(sample("hostile"), stream())
    assert "[red]markup[/red]" in text
    assert "\x1b[31mred\x1b[0m" not in text
    assert "\u202e" not in text


def test_a_terminal_gets_colour_unless_it_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[32mpassed" in _shown(sample("passed"), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    text = _shown(sample("passed"), Terminal())
    assert "\x1b[32m" not in text
    assert "passed   The service is active" in text


def test_the_spinner_stops_with_the_console() -> None:
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Console(stream) as console:
        console.on_phase("topology")
        console.on_step_started("slow", "Slow")
        raise KeyboardInterrupt
    text = stream.getvalue()
    assert "slow: Slow" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "the cursor is shown again"


def test_without_a_terminal_a_step_is_one_line_when_it_ends() -> None:
    stream = io.StringIO()
    with Console(stream) as console:
        console.on_step_started("one", "One")
        assert stream.getvalue() == ""
        console.on_step_finished(a_step(duration_seconds=1.5))
    assert stream.getvalue() == "  passed   One  1.50 s\n"
