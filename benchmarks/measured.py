"""Figures beside their goals, and what a process and a machine say of themselves."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One figure; `goal` is the most that it may be, with `at_least` the least."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """How many times better than the goal."""
        if self.goal is None or not self.value:
            return None
        return self.value / self.goal if self.at_least else self.goal / self.value


class Process:
    """Another process, by what /proc says of it."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> float:
        """Resident memory in MB."""
        pages = int((self._folder / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def family(self) -> tuple[Process, ...]:
        """It, and the processes that it has started."""
        found = (pid for task in self._folder.glob("task/*/children") for pid in task.read_text().split())
        return (self, *(Process(int(pid)) for pid in found))


def show(figure: Figure) -> str:
    """A line of the table."""
    line = f"{figure.name:<58} {figure.value:>10.1f} {figure.unit:<12}"
    if figure.goal is None:
        return line.rstrip()
    sign = "≥" if figure.at_least else "≤"
    return f"{line} goal {sign} {figure.goal:.4g}  {figure.ratio or 0:.2f} × {'' if figure.met else 'NOT MET'}".rstrip()


def machine() -> str:
    """What it was measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    name = model[1] if model else platform.processor()
    return f"{os.cpu_count()} cores {name}, Linux {platform.release()}, Python {platform.python_version()}"
