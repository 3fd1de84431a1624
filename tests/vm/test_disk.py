"""The machine's disk: which packages it has, and when it must be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.vm.disk import OVERLAY, digest, packages_of, tree_command
from testbed.vm.errors import VmError

SETUP = Path(__file__).resolve().parents[2] / "setup.sh"


def test_the_list_of_setup_is_found() -> None:
    packages = packages_of(SETUP.read_text())
    assert {"mininet", "openvswitch-switch", "python3-venv", "docker.io"} <= set(packages)


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("PACKAGES=(a b)\n", ("a", "b", "docker.io")),
        ("x=1\nPACKAGES=(a\n    b-c d.e)\nOTHER=(f)\n", ("a", "b-c", "d.e", "docker.io")),
    ],
)
def test_packages_of_a_list_over_several_lines(text: str, packages: tuple[str, ...]) -> None:
    assert packages_of(text) == packages


@pytest.mark.parametrize("text", ["", "  PACKAGES=(a)\n", "WANTED=(a)\n"])
def test_no_list_is_an_error_that_says_where_to_look(text: str) -> None:
    with pytest.raises(VmError, match=r"testbed/vm/disk\.py"):
        packages_of(text)


def test_the_tree_has_every_package_once() -> None:
    command = tree_command(("jq", "kmod", "jq"), Path("tree"))
    include = next(word for word in command if word.startswith("--include=")).removeprefix("--include=").split(",")
    assert include == sorted(set(include))
    assert {"jq", "kmod", "udev", "systemd-sysv"} <= set(include)
    assert command[-2:] == ["bookworm", "tree"]


def _overlay(folder: Path) -> Path:
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/hostname").write_text("vm\n")
    return folder


def test_equal_content_has_equal_digests(tmp_path: Path) -> None:
    one, two = _overlay(tmp_path / "one"), _overlay(tmp_path / "two")
    assert digest(["a", "b"], one) == digest(["a", "b"], two)
    assert len(digest(["a"], one)) == 12


def test_digest_follows_command_content_mode_and_name(tmp_path: Path) -> None:
    overlay = _overlay(tmp_path)
    seen = [digest(["a", "b"], overlay), digest(["ab"], overlay)]
    (overlay / "etc/hostname").write_text("other\n")
    seen.append(digest(["a", "b"], overlay))
    (overlay / "etc/hostname").chmod(0o755)
    seen.append(digest(["a", "b"], overlay))
    (overlay / "etc/hostname").rename(overlay / "etc/hosts")
    seen.append(digest(["a", "b"], overlay))
    assert len(set(seen)) == len(seen)


def test_the_job_of_the_overlay_can_be_executed() -> None:
    assert (OVERLAY / "usr/local/sbin/lso-job").stat().st_mode & 0o111
