"""Boot the virtual machine, pass its job's output on, and let nothing of it outlive this process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.vm.errors import VmError
from testbed.vm.kernel import preload_file
from testbed.vm.process import LEASH

MEBIBYTE = 1 << 20
MEMORY_FOLDERS = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108  (looked at for room, not written under fixed names)


@dataclass(frozen=True)
class Boot:
    """One boot of *kernel*; *folder* takes the machine's changes to the *disk*, its console and its sockets."""

    kernel: Path
    disk: Path
    folder: Path
    carried: Path
    memory_mib: int
    cpu: int


def boot_command(boot: Boot, output_fd: int) -> list[str]:
    """Return the call that boots the machine with its first serial line on *output_fd*.

    It runs on one CPU: user-mode Linux passes control between processes at each system call, which is four times slower
    across CPUs.
    """
    return [
        *(*LEASH, "taskset", "--cpu-list", str(boot.cpu), "env", f"LD_PRELOAD={preload_file(boot.kernel)}"),
        str(boot.kernel),
        f"mem={boot.memory_mib}M",
        f"ubd0={boot.folder / 'changes'},{boot.disk}",
        *("root=/dev/ubda", "rw", "noreboot", "panic=-1"),
        *("con=null", "con0=null,fd:1", "ssl=null", f"ssl0=null,fd:{output_fd}"),
        f"hostfs={boot.carried}",
        *("umid=lso-vm", f"uml_dir={boot.folder}"),
    ]


def memory_folder(candidates: Sequence[str], memory_mib: int) -> str:
    """Return the first folder that has room for the machine's memory and lets it be executed.

    Raises ``VmError`` when none has.
    """
    for folder in filter(os.path.isdir, candidates):
        about = os.statvfs(folder)
        if not about.f_flag & os.ST_NOEXEC and about.f_bavail * about.f_frsize >= memory_mib * MEBIBYTE:
            return folder
    raise VmError(
        f"no folder of {', '.join(candidates)} has {memory_mib} MiB of room and allows execution; "
        "set TMPDIR to one that does, or give the machine less with --memory"
    )


def run(boot: Boot, on_line: Callable[[str], None], deadline_seconds: float) -> None:
    """Boot, call *on_line* with each line that the job prints, and return when the machine is off."""
    ends = time.monotonic() + deadline_seconds
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as output, _started(boot, writer):
        for line in _lines(output.fileno(), ends):
            on_line(line)


@contextmanager
def _started(boot: Boot, writer: int) -> Iterator[None]:
    folders = (*filter(None, [os.environ.get("TMPDIR")]), *MEMORY_FOLDERS)
    environment = {**os.environ, "TMPDIR": memory_folder(folders, boot.memory_mib)}
    try:
        with (boot.folder / "console.log").open("wb") as console:
            process = subprocess.Popen(
                boot_command(boot, writer),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(writer,),
                start_new_session=True,
            )
    finally:
        os.close(writer)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)  # the machine is off, or is to be: its namespace goes with it
        process.wait()


def _lines(fd: int, ends: float) -> Iterator[str]:
    rest = b""
    while True:
        if not select.select([fd], [], [], max(0.0, ends - time.monotonic()))[0]:
            raise VmError("the machine did not finish its job in time")
        data = os.read(fd, 65536)
        *lines, rest = (rest + data).split(b"\n")
        if not data and rest:
            lines.append(rest)  # the machine went off in the middle of a line
        yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
        if not data:
            return
