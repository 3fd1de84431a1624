"""What is carried into the machine: requirements, wheels for its interpreter, the project as it is now."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testbed.vm.distribution import DISTRIBUTIONS
from testbed.vm.payload import copy_project, pack, requirements, wheels_command

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(("python", "expected"), [("3.11", ("a==1", "b==2")), ("3.12", ("b==2", "c==3"))])
def test_requirements_are_those_of_the_machines_interpreter(python: str, expected: tuple[str, ...]) -> None:
    lines = ("# by make lock", "a==1 ; python_full_version < '3.12'", "b==2", "c==3 ; python_version >= '3.12'")
    lock = "\n".join((*lines, "d==4 ; os_name == 'nt'", ""))
    assert requirements(lock, python) == expected


def test_requirements_of_this_project() -> None:
    wanted = requirements((ROOT / "constraints.txt").read_text(), "3.11")
    assert {"setuptools", "pytest", "docker", "distributed"} <= {one.partition("==")[0] for one in wanted}


@pytest.mark.parametrize(("name", "python", "glibc"), [("debian-12", "3.11", 36), ("ubuntu-24.04", "3.12", 39)])
def test_wheels_are_for_the_interpreter_of_the_machine(name: str, python: str, glibc: int) -> None:
    command = wheels_command(["docker>=7"], Path("wheels"), DISTRIBUTIONS[name])
    assert command[command.index("--python-version") + 1] == python
    newest = max(int(word.split("_")[2]) for word in command if word.startswith("manylinux_2_"))
    assert newest == glibc, "a wheel for a newer C library would not load"
    assert command[-1] == "docker>=7"


def _git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *settings, "-C", str(folder), *arguments], check=True, capture_output=True)


def _project(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init")
    for name in ("kept", "changed", "deleted", ".gitignore"):
        (folder / name).write_text("ignored\n" if name == ".gitignore" else f"{name}\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-m", "first")
    return folder


def test_a_clean_project_is_cloned(tmp_path: Path) -> None:
    copy_project(_project(tmp_path / "project"), tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {".git", ".gitignore", "kept", "changed", "deleted"}


def test_uncommitted_work_is_carried_over(tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    (project / "changed").write_text("now\n")
    (project / "deleted").unlink()
    (project / "new").mkdir()
    (project / "new" / "file").write_text("new\n")
    (project / "new" / "file").chmod(0o755)
    (project / "new" / "link").symlink_to("nowhere")
    (project / "ignored").write_text("secret\n")
    copy_project(project, tmp_path / "copy")
    copy = tmp_path / "copy"
    assert (copy / "kept").read_text() == "kept\n"
    assert (copy / "changed").read_text() == "now\n"
    assert not (copy / "deleted").exists()
    assert not (copy / "ignored").exists()
    assert (copy / "new" / "file").stat().st_mode & 0o111
    assert (copy / "new" / "link").is_symlink()


def test_the_job_runs_the_command_word_by_word(tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "a.whl").write_text("wheel")
    images = tmp_path / "images.tar"
    images.write_text("images")
    carried = tmp_path / "carried"
    pack(carried, project, wheels, images, ["echo", "two words", "$HOME"])
    assert (carried / "job").read_text().splitlines()[1].endswith("/inside.sh echo 'two words' '$HOME'")
    assert (carried / "job").stat().st_mode & 0o111
    assert (carried / "wheels" / "a.whl").stat().st_nlink == 2  # linked, not copied
    assert (carried / "images.tar").stat().st_nlink == 2
    assert list((carried / "results").iterdir()) == []
