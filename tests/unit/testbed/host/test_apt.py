"""Which archives this machine's apt uses: asked of apt itself, from what it has written down and fetched."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from testbed.host import apt

ARCHITECTURE = subprocess.run(
    ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
).stdout.strip()


def fetched(root: Path, place: str, origin: str, codename: str, components: str) -> None:
    """What ``apt-get update`` leaves of one archive."""
    lists = root / "var/lib/apt/lists"
    names = [f"{component}/binary-{ARCHITECTURE}/Packages" for component in components.split()]
    sums = "".join(f" {sha256().hexdigest()} 0 {name}\n" for name in names)
    head = f"Origin: {origin}\nSuite: any\nCodename: {codename}\nComponents: {components}\n"
    text = f"{head}Architectures: {ARCHITECTURE}\nDate: Tue, 24 Nov 2026 00:00:00 UTC\nSHA256:\n{sums}"
    (lists / f"{place}_Release").write_text(text)
    for name in names:
        (lists / f"{place}_{name.replace('/', '_')}").touch()


def machine(root: Path, files: dict[str, str], lists: list[tuple[str, str, str, str]]) -> list[str]:
    """Make the part of a machine in *root* that apt looks at, and return the options that make it look there."""
    for folder in ("etc/apt/sources.list.d", "var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt"):
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    for name, content in files.items():
        (root / "etc/apt" / name).write_text(content.replace("ARCH", ARCHITECTURE))
    for archive in lists:
        fetched(root, *archive)
    return ["-o", f"Dir={root}", "-o", f"Dir::State={root}/var/lib/apt"]


NEAR = ("near.example_debian_dists_bookworm", "Debian", "bookworm", "main contrib")
NEAR_SECURITY = ("near.example_security_dists_bookworm-security", "Debian", "bookworm-security", "main")
ONE_LINE = """
# deb http://old.example/debian bookworm main
deb [arch=ARCH] http://near.example/debian/ bookworm main contrib
deb-src http://near.example/debian/ bookworm main
"""
DEB822 = """
Types: deb deb-src
URIs: http://near.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
VENDOR = ("vendor.example_debian_dists_bookworm", "Vendor", "bookworm", "main")
TRIXIE = [
    ("near.example_debian_dists_stable", "Debian", "trixie", "main"),
    ("near.example_debian_dists_trixie-updates", "Debian", "trixie-updates", "main"),
    ("near.example_debian_dists_trixie-backports", "Debian", "trixie-backports", "main"),
]
UBUNTU = ("near.example_ubuntu_dists_noble", "Ubuntu", "noble", "main universe")


@pytest.mark.parametrize(
    ("files", "lists", "expected"),
    [
        ({}, [], []),
        (
            {"sources.list": ONE_LINE, "sources.list.d/debian.sources": DEB822},
            [NEAR, NEAR_SECURITY],
            [
                "deb http://near.example/debian/ bookworm main contrib",
                "deb http://near.example/security/ bookworm-security main",
            ],
        ),
        ({"sources.list.d/debian.sources": DEB822}, [NEAR_SECURITY], []),
        ({"sources.list": "deb http://vendor.example/debian bookworm main\n"}, [VENDOR], []),
        (
            {
                "sources.list": "".join(
                    f"deb http://near.example/debian {suite} main\n"
                    for suite in ("stable", "trixie-updates", "trixie-backports")
                )
            },
            TRIXIE,
            [
                "deb http://near.example/debian/ bookworm main",
                "deb http://near.example/debian/ bookworm-updates main",
            ],
        ),
        ({"sources.list": "deb http://near.example/ubuntu noble main universe\n"}, [UBUNTU], []),
        ({"sources.list": "deb http://near.example/debian bookworm main\n"}, [], []),
    ],
    ids=["none", "both notations", "security alone", "a vendor", "another release", "Ubuntu", "never fetched"],
)
def test_the_machines_own_archives_are_used(
    tmp_path: Path, files: dict[str, str], lists: list[tuple[str, str, str, str]], expected: list[str]
) -> None:
    assert apt.of_this_machine("Debian", "bookworm", machine(tmp_path, files, lists)) == expected


def test_the_archives_of_ubuntu_have_one_codename_and_are_told_apart(tmp_path: Path) -> None:
    sources = """
Types: deb
URIs: http://near.example/ubuntu/
Suites: noble noble-updates noble-backports noble-security
Components: main universe
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
    lists = [
        (f"near.example_ubuntu_dists_noble{archive}", "Ubuntu", "noble", "main universe")
        for archive in ("", "-updates", "-backports", "-security")
    ]
    options = machine(tmp_path, {"sources.list.d/ubuntu.sources": sources}, lists)
    assert apt.of_this_machine("Ubuntu", "noble", options) == [
        f"deb http://near.example/ubuntu/ noble{archive} main universe" for archive in ("", "-updates", "-security")
    ]
    assert apt.of_this_machine("Debian", "bookworm", options) == []
