"""The machine's disk: which packages it has, and when it must be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.host import apt
from testbed.vm.disk import OVERLAY, digest, disk_file, packages_of, tree_command
from testbed.vm.distribution import DISTRIBUTIONS
from testbed.vm.errors import VmError

SETUP = Path(__file__).resolve().parents[4] / "setup.sh"


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


@pytest.mark.parametrize(("name", "suite"), [("debian-12", "bookworm"), ("ubuntu-24.04", "noble")])
def test_the_tree_has_every_package_once(name: str, suite: str) -> None:
    command = tree_command(DISTRIBUTIONS[name], "http://m/", ("jq", "kmod", "jq"), Path("tree"))
    include = next(word for word in command if word.startswith("--include=")).removeprefix("--include=").split(",")
    assert include == sorted(set(include))
    assert {"jq", "kmod", "udev", "systemd-sysv"} <= set(include)
    assert command[-3:-1] == [suite, "tree"]
    assert f" http://m/ {suite} main" in command[-1]


def test_without_a_mirror_the_archives_of_this_machine_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "of_this_machine", lambda origin, suite: [f"deb {origin} {suite}"])
    assert tree_command(DISTRIBUTIONS["ubuntu-24.04"], None, (), Path("t"))[-1] == "deb Ubuntu noble"


def test_distributions_have_disks_of_their_own_wherever_they_come_from(tmp_path: Path) -> None:
    files = {disk_file(SETUP.parent, tmp_path, one) for one in DISTRIBUTIONS.values()}
    assert len(files) == len(DISTRIBUTIONS)


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
