"""The kernel of the virtual machine: the distribution's source, compiled as a process (user-mode Linux).

The distribution's own package ``user-mode-linux`` lacks most families of nftables, in which the VNFs keep their rules.
The compiler lives in a tree made for it, so this machine needs none. Kept under a name made of all that decides it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from testbed.vm import process
from testbed.vm.distribution import DEFAULT, DISTRIBUTIONS
from testbed.vm.errors import VmError

SOURCE = "linux-source-6.12"  # starts processes in half the time of 6.1
TOOLS = ("bc", "bison", "flex", "gcc", "libc6-dev", "make", "xz-utils")
CONFIG = Path(__file__).with_name("kernel.config")
PRELOAD = Path(__file__).parents[2] / "vnfs/uml/host.c"
"""What user-mode Linux awaits of its host and does not always find; guests of VNFs need it as well (docs/uml.md)."""
TREE = ("mmdebstrap", "--variant=minbase", f"--include={','.join((*TOOLS, SOURCE))}", DISTRIBUTIONS[DEFAULT].suite)
MAKE = ("make", f"--directory=/usr/src/{SOURCE}", "ARCH=um", "KBUILD_BUILD_USER=lso", "KBUILD_BUILD_HOST=lso")
COMPILE_PRELOAD = ("gcc", "-O2", "-shared", "-fPIC", "-o", "/usr/src/linux.so", "/usr/src/host.c")
EVERY_SECONDS = 30.0


def kernel_file(cache: Path) -> Path:
    """Return where in *cache* the kernel of today's source and configuration is, or will be."""
    decides = "\0".join((*TREE, *MAKE, CONFIG.read_text(), *COMPILE_PRELOAD, PRELOAD.read_text()))
    return cache / f"linux-{hashlib.sha256(decides.encode()).hexdigest()[:12]}"


def preload_file(kernel: Path) -> Path:
    """Return where the library is that *kernel* is started with (``LD_PRELOAD``)."""
    return kernel.with_suffix(".so")


def build_kernel(cache: Path, log: Path, say: Callable[[str], object]) -> Path:
    """Compile the kernel (minutes, all CPUs), tell *say* how far it is, and drop the ones it replaces."""
    tree = cache / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    try:
        process.run([*TREE, str(tree)], log)
        say("the source and a compiler are there; compiling")
        _compile(tree, log, say)
        for old in cache.glob("linux-*"):
            old.unlink()
        kernel = kernel_file(cache)
        shutil.move(tree / "usr/src/linux.so", preload_file(kernel))
        return Path(shutil.move(tree / "usr/src" / SOURCE / "linux", kernel))
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _compile(tree: Path, log: Path, say: Callable[[str], object]) -> None:
    def inside(*command: str, on_line: Callable[[str], object] = lambda _line: None) -> None:
        process.run(["chroot", str(tree), *command], log, on_line)

    shutil.copy(CONFIG, tree / "usr/src/lso.config")
    shutil.copy(PRELOAD, tree / "usr/src")
    inside(*COMPILE_PRELOAD)
    inside("tar", "--extract", "--directory=/usr/src", f"--file=/usr/src/{SOURCE}.tar.xz")
    inside(*MAKE, "KCONFIG_ALLCONFIG=/usr/src/lso.config", "alldefconfig")
    lost = missing_options(CONFIG.read_text(), (tree / "usr/src" / SOURCE / ".config").read_text())
    if lost:
        raise VmError(f"{SOURCE} has no use for these lines of {CONFIG}, remove or replace them: {', '.join(lost)}")
    inside(*MAKE, f"--jobs={len(os.sched_getaffinity(0))}", "linux", on_line=_Progress(say))


def missing_options(wanted: str, made: str) -> tuple[str, ...]:
    """Return the settings of *wanted* that are not in *made*: unknown to Kconfig, or of something that is off."""
    there = set(made.splitlines())
    return tuple(line for line in wanted.splitlines() if line.startswith("CONFIG_") and line not in there)


@dataclass
class _Progress:
    """Counts the files that make compiles, and says every half minute how many there are."""

    say: Callable[[str], object]
    files: int = 0
    next_at: float = field(default_factory=lambda: time.monotonic() + EVERY_SECONDS)

    def __call__(self, line: str) -> None:
        words = line.split()
        if words[:1] != ["CC"]:
            return
        self.files += 1
        if time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + EVERY_SECONDS
            self.say(f"{self.files} files of the kernel compiled, now {Path(words[-1]).parent}")
