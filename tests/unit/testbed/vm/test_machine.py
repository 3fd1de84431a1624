"""The boot of the machine: its call, its memory, and that nothing outlives it."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from testbed.vm import machine
from testbed.vm.errors import VmError
from testbed.vm.machine import Boot, boot_command, memory_folder


def _boot(folder: Path, kernel: str = "linux") -> Boot:
    carried, cpu = folder / "carried", max(os.sched_getaffinity(0))
    return Boot(folder / kernel, folder / "disk.ext4", folder, carried, memory_mib=16, cpu=cpu)


def test_the_disk_is_never_written() -> None:
    command = boot_command(_boot(Path("/v")), 7)
    assert "ubd0=/v/changes,/v/disk.ext4" in command


def test_the_machine_sees_of_this_one_the_carried_folder_only() -> None:
    assert "hostfs=/v/carried" in boot_command(_boot(Path("/v")), 7)


def test_the_job_speaks_on_the_descriptor_that_was_passed() -> None:
    command = boot_command(_boot(Path("/v")), 7)
    assert "ssl0=null,fd:7" in command
    assert "con0=null,fd:1" in command


def test_the_kernel_gets_what_it_awaits_of_its_host() -> None:
    command = boot_command(_boot(Path("/v")), 7)
    assert command[command.index("/v/linux") - 1] == "LD_PRELOAD=/v/linux.so"


def test_memory_takes_the_first_folder_with_room(tmp_path: Path) -> None:
    assert memory_folder([str(tmp_path / "none"), str(tmp_path), "/"], 1) == str(tmp_path)


@pytest.mark.parametrize("folder", ["/proc", "/none"])
def test_no_room_names_the_way_out(folder: str) -> None:
    with pytest.raises(VmError, match=r"TMPDIR.*--memory"):
        memory_folder([folder], 1)


def _kernel(folder: Path, script: str) -> Boot:
    """Return a boot whose kernel is a shell script; it finds the job's descriptor in its own arguments."""
    kernel = folder / "linux"
    find = "for word; do case $word in ssl0=*) out=${word##*:};; esac; done\n"
    kernel.write_text(f"#!/bin/bash\n{find}{script}")
    kernel.chmod(0o755)
    return _boot(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="a process-id namespace needs root")
def test_lines_come_out_as_they_are_printed_and_the_console_is_kept(tmp_path: Path) -> None:
    boot = _kernel(tmp_path, 'echo console; printf "one\\r\\ntwo\\nrest" >&$out')
    lines: list[str] = []
    machine.run(boot, lines.append, deadline_seconds=20)
    assert lines == ["one", "two", "rest"]
    assert (tmp_path / "console.log").read_text().splitlines()[-1] == "console"


@pytest.mark.skipif(os.geteuid() != 0, reason="a process-id namespace needs root")
def test_a_machine_that_hangs_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    boot = _kernel(tmp_path, f"(exec >{pipe}; echo alive; sleep 600) & sleep 600")
    alive = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(VmError, match="in time"):
        machine.run(boot, print, deadline_seconds=2)
    assert os.read(alive, 10) == b"alive\n"
    assert select.select([alive], [], [], 20)[0], "the last process that can write there has ended"
    assert os.read(alive, 10) == b""
    os.close(alive)
