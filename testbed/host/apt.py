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
    """Return the keyring that the package ``<origin>-archive-keyring`` installs; Debian has Ubuntu's and vice versa."""
    return KEYRINGS / f"{origin.lower()}-archive-keyring.gpg"


def of_this_machine(origin: str, suite: str, options: Sequence[str] = ()) -> list[str]:
    """Return the archives of *origin* that this machine uses, as lines of a sources.list for the release *suite*.

    Only archives with the origin *origin* ("Debian", "Ubuntu") in their Release file count: no vendors' repositories,
    no other distribution. A mirror has all releases of its distribution, so one that is used for another release is
    taken too. Empty where this machine's apt uses no such archive. *options* are passed to apt-get.
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
