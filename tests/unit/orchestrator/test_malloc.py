"""Threads share one arena of malloc once that was asked for."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, os, sys, threading
from orchestrator.malloc import one_arena

if sys.argv[1:]:
    one_arena()
libc = ctypes.CDLL(None)
libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)

def work():
    libc.malloc(ctypes.c_size_t(4096))
    together.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stream = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_an_arena() -> None:
    def arenas(*arguments: str) -> int:
        command = [sys.executable, "-c", ARENAS, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("<heap nr=")

    assert arenas() > 1
    assert arenas("one") == 1
