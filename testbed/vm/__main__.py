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

from testbed.vm import cargo, disk, machine
from testbed.vm.errors import VmError

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / "build" / "vm"
DEFAULT_COMMAND = (".venv/bin/lso", "run", "scenarios/poc-two-sites")
ERROR = 3
INTERRUPTED = 130


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments: ``command``, ``memory`` in MiB, ``deadline`` in minutes and ``report``."""
    parser = argparse.ArgumentParser(prog="testbed/vm/run.sh", description="Run a command in a virtual machine.")
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB", help="memory of the machine (default: 4096)")
    parser.add_argument("--deadline", type=float, default=60, metavar="MINUTES", help="end it after that (default: 60)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="where the results go (default: runs/vm-<time>)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a command to run in the project's folder instead")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Do it, and return the exit code."""
    arguments = parse(argv)
    signal.signal(signal.SIGTERM, _terminated)
    clock = _Clock()
    report: Path = arguments.report or PROJECT / "runs" / time.strftime("vm-%Y%m%d-%H%M%S")
    try:
        with _cache_of_our_own() as boot_folder:
            code = _run(arguments, boot_folder, report, clock)
    except VmError as error:
        clock.say(f"error: {error}")
        return ERROR
    except KeyboardInterrupt:
        clock.say("interrupted; the machine is gone")
        return INTERRUPTED
    pages = sorted(str(page) for page in report.glob("*/report.html"))
    clock.say(f"ended with code {code}; the results are in {', '.join(pages) or report}")
    return code


def _run(arguments: argparse.Namespace, folder: Path, report: Path, clock: _Clock) -> int:
    log = CACHE / "build.log"
    log.unlink(missing_ok=True)
    root_disk = disk.kept_disk(PROJECT, CACHE)
    if root_disk is None:
        clock.say("making the machine's disk from the distribution's packages")
        root_disk = disk.build_disk(PROJECT, CACHE, log)
    clock.say("packing the project, its wheels and its images")
    carried = folder / "carried"
    cargo.pack(
        carried,
        project=PROJECT,
        wheels=cargo.kept_wheels(PROJECT, CACHE, log),
        images=cargo.kept_images(CACHE, log),
        command=arguments.command or DEFAULT_COMMAND,
    )
    clock.say("booting")
    boot = machine.Boot(root_disk, folder, carried, arguments.memory, cpu=max(os.sched_getaffinity(0)))
    try:
        machine.run(boot, clock.say, arguments.deadline * 60)
    finally:
        _bring_out(carried / "results", folder / "console.log", report)
    return _exit_code(report)


def _bring_out(results: Path, console: Path, report: Path) -> None:
    shutil.copytree(results, report, dirs_exist_ok=True, symlinks=True)
    if console.exists():
        shutil.copy2(console, report / "console.log")


def _exit_code(report: Path) -> int:
    written = report / "exit-code"
    if not written.exists():
        raise VmError(f"the machine went off before its job ended; its console is in {report / 'console.log'}")
    return int(written.read_text())


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
