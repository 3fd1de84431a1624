"""The package archives that this machine's apt uses, and the keys that a distribution signs its own with."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

KEYRINGS = Path("/usr/share/keyrings")
# One line for each index that this machine's apt has fetched, whichever way its sources are written down.
APT_INDEXES = (
    "apt-get",
    "indextargets",
    "--format=$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
    "Created-By: Packages",
)
ARCHIVES = ("", "-updates", "-security")


def keyring(origin: str) -> Path:
    """Return where the package of *origin*'s keys has them; Debian and Ubuntu both have such packages of each other."""
    return KEYRINGS / f"{origin.lower()}-archive-keyring.gpg"


def of_this_machine(origin: str, suite: str, options: Sequence[str] = ()) -> list[str]:
    """Return the archives of *origin* that this machine uses, as lines of a sources.list for the release *suite*.

    Only what calls itself *origin* ("Debian", "Ubuntu") in its Release file counts, so neither vendors' repositories
    nor another distribution do. A mirror of a distribution has all its releases: that of another one is as good.
    Empty where this machine's apt knows no such archive. *options* are further ones of apt-get.
    """
    try:
        done = subprocess.run([*APT_INDEXES, *options], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    components: dict[str, dict[str, None]] = {}
    for line in done.stdout.splitlines():
        calls_itself, uri, release, component = line.split("|")
        archive = release[len(release.partition("-")[0]) :]
        if calls_itself == origin and archive in ARCHIVES and uri.startswith(("http://", "https://")):
            components.setdefault(f"deb {uri} {suite}{archive}", {})[component] = None
    # Updates alone are no system to start from.
    whole = any(entry.endswith(f" {suite}") for entry in components)
    return [f"{entry} {' '.join(found)}" for entry, found in components.items()] if whole else []
