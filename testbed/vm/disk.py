"""The disk of the virtual machine: a distribution's tree with the packages that ``setup.sh`` wants.

Kept under a name made of everything that decides its content, so it is built again exactly when that changes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from testbed.vm import process
from testbed.vm.distribution import Distribution
from testbed.vm.errors import VmError

OVERLAY = Path(__file__).with_name("overlay")
SIZE = "16G"  # sparse: what is not written takes no room
# What makes the tree a machine. Everything else is on setup.sh's list; the kernel has no modules.
MACHINE_PACKAGES = ("dbus", "git", "make", "systemd-sysv", "udev")
UNWANTED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
MASKED = (
    "getty@tty1.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "postgresql.service",
)
HOOKS = (
    f"sync-in {OVERLAY} /",
    'chroot "$1" systemctl enable lso-job.service',
    f'chroot "$1" systemctl mask {" ".join(MASKED)}',
)


def packages_of(setup: str) -> tuple[str, ...]:
    """Return the packages that the text of ``setup.sh`` asks for; ``VmError`` when the list is not found."""
    found = re.search(r"^PACKAGES=\(([^)]*)\)", setup, re.MULTILINE)
    if found is None:
        raise VmError("setup.sh has no PACKAGES=(…) any more: testbed/vm/disk.py reads what to install from it")
    return (*found.group(1).split(), "docker.io")


def tree_command(distribution: Distribution, mirror: str | None, packages: Sequence[str], tree: Path) -> list[str]:
    """Return the ``mmdebstrap`` call that makes the machine's file tree."""
    options = [
        "--variant=minbase",
        f"--include={','.join(sorted({*packages, *MACHINE_PACKAGES}))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNWANTED),
        *(f"--customize-hook={hook}" for hook in HOOKS),
    ]
    return distribution.bootstrap(mirror, options, str(tree))


def digest(command: Sequence[str], overlay: Path) -> str:
    """Return 12 hexadecimal digits that change with the call or with any file laid over the tree."""
    sums = hashlib.sha256("\0".join(command).encode())
    for path in sorted(path for path in overlay.rglob("*") if path.is_file()):
        sums.update(f"{path.relative_to(overlay)} {path.stat().st_mode:o}\0".encode() + path.read_bytes())
    return sums.hexdigest()[:12]


def disk_file(project: Path, cache: Path, distribution: Distribution) -> Path:
    """Return where in *cache* the disk for today's *project* is, or will be: an ext4 image."""
    command = tree_command(distribution, "any mirror", packages_of((project / "setup.sh").read_text()), Path("tree"))
    return cache / f"disk-{distribution.name}-{digest(command, OVERLAY)}.ext4"


def build_disk(project: Path, cache: Path, log: Path, distribution: Distribution, mirror: str | None) -> Path:
    """Make the disk (about a minute, from the distribution's archives) and drop the ones it replaces."""
    for old in cache.glob(f"disk-{distribution.name}-*"):
        old.unlink()
    tree = cache / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    unfinished = cache / "unfinished.ext4"
    unfinished.unlink(missing_ok=True)
    packages = packages_of((project / "setup.sh").read_text())
    try:
        process.run(tree_command(distribution, mirror, packages, tree), log)
        process.run(["mke2fs", "-q", "-t", "ext4", "-L", "lso-vm", "-d", str(tree), str(unfinished), SIZE], log)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return unfinished.rename(disk_file(project, cache, distribution))
