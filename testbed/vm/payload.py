"""The files for the virtual machine, which has no network: the project, its Python wheels, its images.

All of it lies in one folder that the machine mounts at ``/srv/carried``. Its ``results`` come back the same way.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from testbed.host.engine import EngineError
from testbed.images import base_image, build
from testbed.images.recipes import products_on_demand
from testbed.vm import process
from testbed.vm.distribution import Distribution
from testbed.vm.errors import VmError

INSIDE = "/srv/carried/project/testbed/vm/inside.sh"
# Versions of the C library that wheels are built for.
GLIBC_MINORS = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36, 38, 39)
BUILDERS = ("wheel",)  # beside setuptools: what pip of 2023 builds with a package that does not say how
OLD_PLATFORMS = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64")


def requirements(constraints: str, python: str) -> tuple[str, ...]:
    """Return the versions in *constraints* (the lock file's text) that are installed for that *python*."""
    # pip would read the markers as if they were about the interpreter that it runs with.
    there = {"python_version": python, "python_full_version": f"{python}.0"}
    found = (Requirement(line) for line in constraints.splitlines() if line and not line.startswith("#"))
    return tuple(f"{one.name}{one.specifier}" for one in found if one.marker is None or one.marker.evaluate(there))


def wheels_command(wanted: Sequence[str], folder: Path, distribution: Distribution) -> list[str]:
    """Return the ``pip`` call that fetches *wanted*, for the machine's interpreter and not for this one.

    What is published as source only comes so, and is built there.
    """
    python = distribution.python
    platforms = (*OLD_PLATFORMS, *(f"manylinux_2_{one}_x86_64" for one in GLIBC_MINORS if one <= distribution.glibc))
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--dest", str(folder), "--no-deps", "--implementation", "cp", "--python-version", python),
        *("--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none"),
        *(option for platform in platforms for option in ("--platform", platform)),
        *wanted,
    ]


def kept_wheels(project: Path, cache: Path, log: Path, distribution: Distribution) -> Path:
    """Return the folder of wheels, fetched when ``constraints.txt`` names others than last time."""
    wanted = (*requirements((project / "constraints.txt").read_text(), distribution.python), *BUILDERS)
    ours = f"wheels-{distribution.name}"
    folder = cache / f"{ours}-{_short_digest(*wanted)}"
    if not folder.is_dir():
        _drop(cache, f"{ours}-*")
        unfinished = cache / "wheels-unfinished"
        process.run(wheels_command(wanted, unfinished, distribution), log)
        unfinished.rename(folder)
    return folder


def kept_images(cache: Path, log: Path) -> Path:
    """Return an archive of the container images of the project, which are made first where they are missing or old.

    Raises ``VmError``.
    """
    try:
        build.build(products=products_on_demand())
    except EngineError as error:
        raise VmError(str(error)) from error
    images = build.identities()
    archive = cache / f"images-{_short_digest(*(f'{name} {images[name]}' for name in sorted(images)))}.tar"
    if not archive.exists():
        _drop(cache, "images-*")
        unfinished = cache / "images-unfinished"
        process.run(["docker", "save", "--output", str(unfinished), *sorted(images), base_image.NAME], log)
        unfinished.rename(archive)
    return archive


def pack(folder: Path, project: Path, wheels: Path, images: Path, command: Sequence[str]) -> None:
    """Fill *folder* with everything that *command* needs in the machine; large files are linked, not copied."""
    (folder / "results").mkdir(parents=True)
    copy_project(project, folder / "project")
    shutil.copytree(wheels, folder / "wheels", copy_function=os.link)
    os.link(images, folder / "images.tar")
    job = folder / "job"
    job.write_text(f"#!/bin/sh\nexec {INSIDE} {shlex.join(command)}\n")
    job.chmod(0o755)


def copy_project(project: Path, target: Path) -> None:
    """Clone *project* into *target* and carry uncommitted work over, so that what is seen here is what runs there."""
    _output(["git", "clone", "--quiet", "--no-hardlinks", str(project), str(target)])
    tracked = ["ls-files", "-z", "--deleted", "--modified", "--others", "--exclude-standard"]
    for name in filter(None, _output(["git", "-C", str(project), *tracked]).split("\0")):
        source, copy = project / name, target / name
        if source.exists() or source.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
        else:
            copy.unlink(missing_ok=True)


def _short_digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _drop(cache: Path, pattern: str) -> None:
    for old in cache.glob(pattern):
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VmError(f"{shlex.join(command[:3])} … ended with code {done.returncode}: {done.stderr.strip()}")
    return done.stdout
