"""Base images: slim Debian releases, pulled where a registry answers, else made from the distribution's mirror."""

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
SUITES = {NAME: "bookworm", f"{NAME}-debian-11": "bullseye"}
"""The release of Debian that each base image is made of. All images but some uCPEs begin with the first."""
PULL_SECONDS = 20  # a registry that answers does so at once; one that is cut off never does
INCLUDE = ("ca-certificates",)
EXCLUDE = ("doc", "groff", "info", "linda", "lintian", "locale", "man", "zoneinfo")
LAST_LINES = 15


def digest(name: str = NAME) -> str:
    """Return the SHA-256 digest of the recipe of the base image *name*, in hexadecimal."""
    return hashlib.sha256("\0".join((SUITES[name], *INCLUDE, "", *EXCLUDE)).encode()).hexdigest()


def make(name: str, reference: str, clock: Clock, labels: Mapping[str, str]) -> None:
    """Make the base image *name* as *reference* with *labels*; raise ``EngineError`` when neither way works."""
    upstream = ("debian", f"{SUITES[name]}-slim")
    if _pulled(*upstream):
        clock.tell(name, f"{':'.join(upstream)} from the registry")
        lines = [f"FROM {':'.join(upstream)}", *(f"LABEL {name}={value}" for name, value in labels.items())]
        _from_dockerfile(reference, "\n".join(lines) + "\n")
    else:
        clock.tell(name, "no registry answers: from the distribution's mirror, with mmdebstrap")
        _bootstrap(name, reference, labels)


def _pulled(repository: str, tag: str) -> bool:
    try:
        engine().images.get(f"{repository}:{tag}")
    except DockerException:
        pass
    else:
        return True
    try:
        docker.from_env(timeout=PULL_SECONDS).images.pull(repository, tag)
    except (DockerException, requests.RequestException):
        return False
    return True


def _from_dockerfile(reference: str, text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lso-base-") as folder:
        (Path(folder) / "Dockerfile").write_text(text)
        engine().images.build(path=folder, tag=reference, rm=True, forcerm=True)


def _bootstrap(base: str, reference: str, labels: Mapping[str, str]) -> None:
    changes = ['CMD ["/bin/bash"]', *(f"LABEL {name}={value}" for name, value in labels.items())]
    with tempfile.TemporaryFile("w+") as log:
        try:
            command = bootstrap_command(SUITES[base], apt.of_this_machine(ORIGIN, SUITES[base]))
            tree = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        except FileNotFoundError as error:
            raise EngineError(f"{base} cannot be made: {error.filename} is not installed") from error
        with tree:
            name, _, tag = reference.partition(":")
            engine().api.import_image(src=tree.stdout, repository=name, tag=tag, changes=changes)
        if tree.returncode:
            engine().images.remove(reference, force=True)
            log.seek(0)
            last = "".join(f"    {line}" for line in log.read().splitlines(keepends=True)[-LAST_LINES:])
            raise EngineError(f"{base} cannot be made: mmdebstrap failed with {tree.returncode}\n{last}")


def bootstrap_command(suite: str, sources: Sequence[str]) -> list[str]:
    """Return the ``mmdebstrap`` command that writes a tree of the release *suite* as a tar file to its output.

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
        suite,
        "-",
        *sources,
    ]
