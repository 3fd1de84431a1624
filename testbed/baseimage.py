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

from testbed.engine import EngineError, engine
from testbed.progress import Clock

TAG = "lso/base"
SUITE = "bookworm"
UPSTREAM = ("debian", "bookworm-slim")
PULL_SECONDS = 20  # a registry that answers does so at once; one that is cut off never does
INCLUDE = ("ca-certificates",)
EXCLUDE = ("doc", "groff", "info", "linda", "lintian", "locale", "man", "zoneinfo")
# One line for each index that this machine's apt has fetched, whichever way its sources are written down.
APT_INDEXES = (
    "apt-get",
    "indextargets",
    "--format=$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)",
    "Created-By: Packages",
)
ARCHIVES = ("", "-updates", "-security")
TAIL = 15


def digest() -> str:
    """Return the digest of the recipe."""
    return hashlib.sha256("\0".join((SUITE, *INCLUDE, "", *EXCLUDE)).encode()).hexdigest()


def make(clock: Clock, labels: Mapping[str, str]) -> None:
    """Make the image with *labels*; raise ``EngineError`` when neither way works."""
    if _pulled():
        clock.tell(TAG, f"{':'.join(UPSTREAM)} from the registry")
        lines = [f"FROM {':'.join(UPSTREAM)}", *(f"LABEL {name}={value}" for name, value in labels.items())]
        _from_dockerfile("\n".join(lines) + "\n")
    else:
        clock.tell(TAG, "no registry answers: from the distribution's mirror, with mmdebstrap")
        _bootstrap(labels)


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


def _from_dockerfile(text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lso-base-") as folder:
        (Path(folder) / "Dockerfile").write_text(text)
        engine().images.build(path=folder, tag=TAG, rm=True, forcerm=True)


def _bootstrap(labels: Mapping[str, str]) -> None:
    changes = ['CMD ["/bin/bash"]', *(f"LABEL {name}={value}" for name, value in labels.items())]
    with tempfile.TemporaryFile("w+") as log:
        try:
            tree = subprocess.Popen(bootstrap_command(sources()), stdout=subprocess.PIPE, stderr=log)
        except FileNotFoundError as error:
            raise EngineError(f"{TAG} cannot be made: {error.filename} is not installed") from error
        with tree:
            engine().api.import_image(src=tree.stdout, repository=TAG, tag="latest", changes=changes)
        if tree.returncode:
            engine().images.remove(TAG, force=True)
            log.seek(0)
            last = "".join(f"    {line}" for line in log.read().splitlines(keepends=True)[-TAIL:])
            raise EngineError(f"{TAG} cannot be made: mmdebstrap failed with {tree.returncode}\n{last}")


def bootstrap_command(sources: Sequence[str]) -> list[str]:
    """Return the ``mmdebstrap`` command that writes the image's tree as a tar file to its output.

    Without *sources* it takes Debian's own mirror, with updates and security.
    """
    slim = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in EXCLUDE]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
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


def sources(options: Sequence[str] = ()) -> list[str]:
    """Return the Debian archives that this machine uses, as lines of a sources.list for the image's own release.

    Only what calls itself Debian in its Release file counts, so neither vendors' repositories nor another distribution
    do: Ubuntu's mirrors have no Debian packages. A mirror of Debian has all releases, so that of another release is as
    good; the image stays at its own, as when it is pulled. Empty where this machine's apt knows no such archive.
    *options* are further ones of apt-get.
    """
    try:
        done = subprocess.run([*APT_INDEXES, *options], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    components: dict[str, dict[str, None]] = {}
    for line in done.stdout.splitlines():
        origin, uri, codename, component = line.split("|")
        archive = codename[len(codename.partition("-")[0]) :]
        if origin == "Debian" and archive in ARCHIVES and uri.startswith(("http://", "https://")):
            components.setdefault(f"deb {uri} {SUITE}{archive}", {})[component] = None
    # Updates alone are no system to start from.
    whole = any(entry.endswith(f" {SUITE}") for entry in components)
    return [f"{entry} {' '.join(found)}" for entry, found in components.items()] if whole else []
