from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from testbed.ownership import creator
from testbed.ownership.creator import Creator, LivenessUnknown

ELSEWHERE = "00000000-0000-0000-0000-000000000000"


def of(pid: int) -> Creator:
    start = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return dataclasses.replace(Creator.here(), pid=pid, start=start)


def test_a_maker_is_one_word_that_every_label_takes() -> None:
    here = Creator.here()
    assert Creator.parse(str(here)) == here
    assert re.fullmatch(r"[a-z][a-z0-9.-]*", str(here))  # as Open vSwitch takes it without quotes
    assert len(str(here)) < 160  # the alias of an interface has room for 255, and for the lab's id


def test_it_lives_as_long_as_its_process_and_no_longer() -> None:
    child = subprocess.Popen(["sleep", "60"])
    made = of(child.pid)
    assert Creator.here().alive()
    assert made.alive()
    assert not dataclasses.replace(made, start=made.start - 1).alive()  # its number was given again
    child.kill()
    child.wait()
    assert not made.alive()


@pytest.mark.parametrize(
    ("machine", "lives"),
    [
        ("this", False),  # it was started anew since
        ("", None),
        ("0" * 32, None),
    ],
)
def test_another_start_of_the_machine_is_death_and_another_machine_says_nothing(
    machine: str, lives: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "1" * 32
    (tmp_path / "machine-id").write_text(f"{own}\n")
    monkeypatch.setattr(creator, "MACHINE_ID", tmp_path / "machine-id")
    made = dataclasses.replace(Creator.here(), boot=ELSEWHERE, machine=own if machine == "this" else machine)
    if lives is None:
        with pytest.raises(LivenessUnknown, match="another machine"):
            made.alive()
    else:
        assert made.alive() is lives


@pytest.mark.parametrize("word", ["", "m", "someone", "m.b1.n2.p3.sx", "m.b1.n2.p3.s4.more"])
def test_a_word_that_says_nothing_is_no_proof(word: str) -> None:
    with pytest.raises(LivenessUnknown, match="does not say who made it"):
        Creator.parse(word)
