"""``python -m testbed.vm [COMMAND …]``: run the PoC scenario, or another command, in the virtual machine.

Exit code: the command's own; 3 when the machine is at fault; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from testbed.vm import disk, kernel, machine, payload, report
from testbed.vm.distribution import DEFAULT, DISTRIBUTIONS, Distribution
from testbed.vm.errors import VmError

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / "build" / "vm"
DEFAULT_COMMAND = (".venv/bin/lso", "run", "scenarios/poc-two-sites")
ERROR = 3
INTERRUPTED = 130


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments: ``memory`` is in MiB, ``deadline`` in minutes."""
    parser = argparse.ArgumentParser(prog="testbed/vm/run.sh", description="Run a command in a virtual machine.")
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB", help="memory of the machine (default: 4096)")
    parser.add_argument("--deadline", type=float, default=60, metavar="MINUTES", help="end it after that (default: 60)")
    parser.add_argument("--distribution", choices=DISTRIBUTIONS, default=DEFAULT, help=f"of its disk ({DEFAULT})")
    parser.add_argument("--mirror", metavar="URL", help="an archive to make the disk from (default: this machine's)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="where the results go (default: runs/vm-<time>)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a command to run in the project's folder instead")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Do it, and return the exit code."""
    arguments = parse(argv)
    signal.signal(signal.SIGTERM, _terminated)
    clock = _Clock()
    folder: Path = arguments.report or PROJECT / "runs" / time.strftime("vm-%Y%m%d-%H%M%S")
    try:
        with _cache_of_our_own() as boot_folder:
            code = _run(arguments, boot_folder, folder, clock)
    except VmError as error:
        clock.say(f"error: {error}")
        return ERROR
    except KeyboardInterrupt:
        clock.say("interrupted; the machine is gone")
        return INTERRUPTED
    pages = sorted(str(page) for page in folder.glob("*/report.html"))
    clock.say(f"ended with code {code}; the results are in {', '.join(pages) or folder}")
    return code


def _run(arguments: argparse.Namespace, folder: Path, target: Path, clock: _Clock) -> int:
    log = CACHE / "build.log"
    log.unlink(missing_ok=True)
    distribution = DISTRIBUTIONS[arguments.distribution]
    program, root_disk = _kernel_and_disk(log, clock, distribution, arguments.mirror)
    clock.say("packing the project, its wheels and its images")
    carried = folder / "carried"
    payload.pack(
        carried,
        project=PROJECT,
        wheels=payload.kept_wheels(PROJECT, CACHE, log, distribution),
        images=payload.kept_images(CACHE, log),
        command=arguments.command or DEFAULT_COMMAND,
    )
    clock.say("booting")
    boot = machine.Boot(program, root_disk, folder, carried, arguments.memory, cpu=max(os.sched_getaffinity(0)))
    try:
        machine.run(boot, clock.say, arguments.deadline * 60)
    finally:
        report.bring_out(carried / "results", folder / "console.log", target)
    if not arguments.command:
        report.require_best_engines(target)
    return report.exit_code(target)


def _kernel_and_disk(log: Path, clock: _Clock, distribution: Distribution, mirror: str | None) -> tuple[Path, Path]:
    """Return both as they are kept, or make what is missing."""
    program, root_disk = kernel.kernel_file(CACHE), disk.disk_file(PROJECT, CACHE, distribution)
    if not program.exists():
        clock.say(f"making the machine's kernel from the distribution's {kernel.SOURCE}, about 15 minutes of CPU time")
        kernel.build_kernel(CACHE, log, clock.say)
        clock.say("the kernel is made")
    if not root_disk.exists():
        clock.say(f"making the machine's disk from the packages of {distribution.name}, about a minute")
        disk.build_disk(PROJECT, CACHE, log, distribution, mirror)
    return program, root_disk


@contextmanager
def _cache_of_our_own() -> Iterator[Path]:
    """Hold the cache for this process and yield an empty folder for one boot; whatever is in it goes at the end."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / "boot"
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VmError("another virtual machine of this project is running; wait for its end") from None
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed; the lock says that it is dead
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _Clock:
    """Prints lines with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, line: str) -> None:
        print(f"[{time.monotonic() - self._start:5.0f}s] {line}", flush=True)


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
