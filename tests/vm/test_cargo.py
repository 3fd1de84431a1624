"""What is carried into the machine: requirements, wheels for its interpreter, the project as it is now."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from testbed.vm.cargo import copy_project, pack, requirements, wheels_command

ROOT = Path(__file__).resolve().parents[2]


def test_requirements_are_those_of_an_editable_install_with_its_tools() -> None:
    pyproject = {
        "build-system": {"requires": ["setuptools>=69"]},
        "project": {"dependencies": ["docker>=7"], "optional-dependencies": {"dev": ["pytest"], "docs": ["x"]}},
    }
    assert requirements(pyproject) == ("docker>=7", "pytest", "setuptools>=69")


def test_requirements_of_this_project() -> None:
    names = " ".join(requirements(tomllib.loads((ROOT / "pyproject.toml").read_text())))
    assert "setuptools" in names
    assert "pytest" in names


def test_wheels_are_for_the_interpreter_of_the_machine() -> None:
    command = wheels_command(["docker>=7"], Path("wheels"))
    assert command[command.index("--python-version") + 1] == "3.11"
    assert "--only-binary=:all:" in command
    assert "manylinux_2_36_x86_64" in command
    assert "manylinux_2_37_x86_64" not in command  # Debian 12 has version 2.36 of the C library
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
