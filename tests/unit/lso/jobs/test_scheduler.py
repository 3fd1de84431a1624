"""The options that name a scheduler: what they make when they are whole, and what is missing when they are not."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from lso.exits import UsageError
from lso.jobs.scheduler import Scheduler, configure, positive, scheduler_of


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args(arguments)


def files(folder: Path) -> list[str]:
    for name in ("ca", "certificate", "key"):
        (folder / name).touch()
    return [word for name in ("ca", "certificate", "key") for word in (f"--tls-{name}", str(folder / name))]


def test_whole_options_name_a_scheduler_and_no_options_none(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    found = scheduler_of(options("--scheduler", "tls://head:8786", *files(tmp_path)))
    assert found == Scheduler("tls://head:8786", tmp_path / "ca", tmp_path / "certificate", tmp_path / "key")
    assert scheduler_of(options()) is None


@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_scheduler_without_all_three_files_is_refused(number: int, tmp_path: Path) -> None:
    given = files(tmp_path)
    with pytest.raises(UsageError, match=f"needs {given[number]}$"):
        scheduler_of(options("--scheduler", "tls://head:8786", *given[:number], *given[number + 2 :]))


@pytest.mark.parametrize("text", ["0", "-1", "1000", "two", "²", ""])
def test_what_is_no_number_of_labs(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no number from 1 to 999"):
        positive(text)
    assert (positive("1"), positive("999")) == (1, 999)
