"""The base image: a slim Debian 12, pulled where a registry answers, else made from the distribution's mirror."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from testbed.host import apt
from testbed.host.engine import EngineError, engine
from testbed.progress import Clock

NAME = "lso/base"
ORIGIN = "Debian"  # also where the machine is Ubuntu: one image, whichever machine made it
SUITE = "bookworm"
UPSTREAM = ("debian", "bookworm-slim")
PULL_SECONDS = 20  # a registry that answers does so at once; one that is cut off never does
INCLUDE = ("ca-certificates",)
EXCLUDE = ("doc", "groff", "info", "linda", "lintian", "locale", "man", "zoneinfo")
LAST_LINES = 15


def digest() -> str:
    """Return the SHA-256 digest of the recipe, in hexadecimal."""
    return hashlib.sha256("\0".join((SUITE, *INCLUDE, "", *EXCLUDE)).encode()).hexdigest()


def make(reference: str, clock: Clock, labels: Mapping[str, str]) -> None:
    """Make the image *reference* with *labels*; raise ``EngineError`` when neither way works."""
    if _pulled():
        clock.tell(NAME, f"{':'.join(UPSTREAM)} from the registry")
        lines = [f"FROM {':'.join(UPSTREAM)}", *(f"LABEL {name}={value}" for name, value in labels.items())]
        _from_dockerfile(reference, "\n".join(lines) + "\n")
    else:
        clock.tell(NAME, "no registry answers: from the distribution's mirror, with mmdebstrap")
        _bootstrap(reference, labels)


def _pulled() -> bool:
    try:
        engine().images.get(":".join(UPSTREAM))
    except DockerException:
        pass
    else:
        return True
    try:
        docker.from_env(timeout=PULL_SECONDS).images.pull(*UPSTREAM)
    except (DockerException, requests.RequestException):
        return False
    return True


def _from_dockerfile(reference: str, text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lso-base-") as folder:
        (Path(folder) / "Dockerfile").write_text(text)
        engine().images.build(path=folder, tag=reference, rm=True, forcerm=True)


def _bootstrap(reference: str, labels: Mapping[str, str]) -> None:
    changes = ['CMD ["/bin/bash"]', *(f"LABEL {name}={value}" for name, value in labels.items())]
    with tempfile.TemporaryFile("w+") as log:
        try:
            command = bootstrap_command(apt.of_this_machine(ORIGIN, SUITE))
            tree = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        except FileNotFoundError as error:
            raise EngineError(f"{NAME} cannot be made: {error.filename} is not installed") from error
        with tree:
            name, _, tag = reference.partition(":")
            engine().api.import_image(src=tree.stdout, repository=name, tag=tag, changes=changes)
        if tree.returncode:
            engine().images.remove(reference, force=True)
            log.seek(0)
            last = "".join(f"    {line}" for line in log.read().splitlines(keepends=True)[-LAST_LINES:])
            raise EngineError(f"{NAME} cannot be made: mmdebstrap failed with {tree.returncode}\n{last}")


def bootstrap_command(sources: Sequence[str]) -> list[str]:
    """Return the ``mmdebstrap`` command that writes the image's tree as a tar file to its output.

    Without *sources* it takes Debian's own mirror, with updates and security.
    """
    slim = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in EXCLUDE]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--keyring={apt.keyring(ORIGIN)}",  # besides those that this machine trusts
        f"--include={','.join(INCLUDE)}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
        "--dpkgopt=force-unsafe-io",
        *slim,
        "--customize-hook=rm -rf $1/var/cache/* $1/var/log/*",
        SUITE,
        "-",
        *sources,
    ]
