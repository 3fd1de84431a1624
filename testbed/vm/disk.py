"""The disk of the virtual machine: a Debian 12 tree with the packages that ``setup.sh`` wants, and its kernel.

Kept under a name made of everything that decides its content, so it is built again exactly when that changes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.vm.errors import VmError

SUITE = "bookworm"
OVERLAY = Path(__file__).with_name("overlay")
SIZE = "16G"  # sparse: what is not written takes no room
# What makes the tree a machine, and the kernel with its modules. Everything else is on setup.sh's list.
MACHINE_PACKAGES = ("dbus", "git", "kmod", "make", "systemd-sysv", "udev", "user-mode-linux")
UNWANTED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
MASKED = ("getty@tty1.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer")
HOOKS = (
    f"sync-in {OVERLAY} /",
    'ln -sT uml/modules "$1/usr/lib/modules"',
    'depmod --basedir="$1" "$(ls "$1/usr/lib/modules")"',
    # This kernel has no NAT for nftables, which iptables-nft would need for Docker's rules.
    'for name in iptables ip6tables; do chroot "$1" update-alternatives --set $name /usr/sbin/$name-legacy; done',
    'chroot "$1" systemctl enable lso-job.service',
    f'chroot "$1" systemctl mask {" ".join(MASKED)}',
)


@dataclass(frozen=True)
class Disk:
    """An ext4 image and the user-mode-Linux program whose modules it holds."""

    image: Path
    kernel: Path


def packages_of(setup: str) -> tuple[str, ...]:
    """Return the packages that the text of ``setup.sh`` asks for; ``VmError`` when the list is not found."""
    found = re.search(r"^PACKAGES=\(([^)]*)\)", setup, re.MULTILINE)
    if found is None:
        raise VmError("setup.sh has no PACKAGES=(…) any more: testbed/vm/disk.py reads what to install from it")
    return (*found.group(1).split(), "docker.io")


def tree_command(packages: Sequence[str], tree: Path) -> list[str]:
    """Return the ``mmdebstrap`` call that makes the machine's file tree."""
    wanted = sorted({*packages, *MACHINE_PACKAGES})
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(wanted)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNWANTED),
        *(f"--customize-hook={hook}" for hook in HOOKS),
        SUITE,
        str(tree),
    ]


def digest(command: Sequence[str], overlay: Path) -> str:
    """Return 12 hexadecimal digits that change with the call or with any file laid over the tree."""
    sums = hashlib.sha256("\0".join(command).encode())
    for path in sorted(path for path in overlay.rglob("*") if path.is_file()):
        sums.update(f"{path.relative_to(overlay)} {path.stat().st_mode:o}\0".encode() + path.read_bytes())
    return sums.hexdigest()[:12]


def kept_disk(project: Path, cache: Path) -> Disk | None:
    """Return the disk when it is in *cache* already."""
    disk = _disk(project, cache)
    return disk if disk.image.exists() and disk.kernel.exists() else None


def build_disk(project: Path, cache: Path, log: Path) -> Disk:
    """Make the disk (about a minute, from the distribution's mirror) and drop the ones it replaces."""
    disk = _disk(project, cache)
    for old in (*cache.glob("disk-*"), *cache.glob("linux-*")):
        old.unlink()
    tree = cache / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    unfinished = cache / "unfinished.ext4"
    unfinished.unlink(missing_ok=True)
    try:
        _run(tree_command(packages_of((project / "setup.sh").read_text()), tree), log)
        shutil.move(tree / "usr/bin/linux.uml", disk.kernel)
        _run(["mke2fs", "-q", "-t", "ext4", "-L", "lso-vm", "-d", str(tree), str(unfinished), SIZE], log)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    unfinished.rename(disk.image)
    return disk


def _disk(project: Path, cache: Path) -> Disk:
    command = tree_command(packages_of((project / "setup.sh").read_text()), Path("tree"))
    name = digest(command, OVERLAY)
    return Disk(image=cache / f"disk-{name}.ext4", kernel=cache / f"linux-{name}")


def _run(command: Sequence[str], log: Path) -> None:
    with log.open("a") as output:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False).returncode
    if code:
        raise VmError(f"{command[0]} ended with code {code}; its output is in {log}")
