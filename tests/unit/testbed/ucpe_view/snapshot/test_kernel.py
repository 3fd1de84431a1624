"""Outputs of the programs that are asked what the kernel has, told apart and checked."""

from __future__ import annotations

import pytest

from testbed.ucpe_view import ViewError
from testbed.ucpe_view.snapshot.kernel import COMMANDS, OPTIONAL, outputs


def _printed(**codes: str) -> list[str]:
    """Return what the shell prints when all programs do, but for those with *codes*."""
    names = {name.replace(" ", "_"): name for name in COMMANDS}
    return [part for key, name in names.items() for part in (f"\n{name}", codes.get(key, "0"))] + [""]


def test_each_output_has_its_name() -> None:
    assert outputs(_printed()) == {name: f"\n{name}" for name in COMMANDS}


def test_settings_that_can_only_be_written_are_no_trouble() -> None:
    assert outputs(_printed(sysctls="1"))["sysctls"] == "\nsysctls"


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_what_a_kernel_lacks_has_nothing(name: str) -> None:
    assert outputs(_printed(**{name.replace(" ", "_"): "2"}))[name] == ""


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(ViewError, match=r"^ip route show table all: exit 2: routes$"):
        outputs(_printed(routes="2"))


def test_a_program_without_an_end_is_told() -> None:
    with pytest.raises(ViewError, match=r"^find .*: exit none: $"):
        outputs(_printed()[:-3])
