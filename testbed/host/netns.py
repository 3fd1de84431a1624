"""Make and remove network namespaces that a path keeps alive, without a process inside."""

from __future__ import annotations

import ctypes
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MNT_DETACH = 2
WITHOUT_IPV6 = (("all/disable_ipv6", "1"), ("default/disable_ipv6", "1"))
# No duplicate-address detection: an address is good at once, not after a second or two.
WITHOUT_DAD = (("all/accept_dad", "0"), ("default/accept_dad", "0"))

_libc = ctypes.CDLL(None, use_errno=True)


def make(path: Path, *, ipv6: bool = False) -> None:
    """Make a network namespace and mount it on *path*; its loopback is down, IPv6 is off unless *ipv6*.

    IPv6 addresses are usable at once: there is no duplicate address detection.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with ThreadPoolExecutor(max_workers=1) as pool:  # a thread of its own: it ends in the new namespace
        pool.submit(_make, path, ipv6).result()


def _make(path: Path, ipv6: bool) -> None:
    _checked(_libc.unshare(CLONE_NEWNET), "unshare")
    for name, value in (*WITHOUT_DAD, *(() if ipv6 else WITHOUT_IPV6)):
        setting = Path("/proc/sys/net/ipv6/conf") / name
        if setting.exists():  # a kernel without IPv6 has none to turn off
            setting.write_text(value)
    _checked(_libc.mount(b"/proc/thread-self/ns/net", os.fsencode(path), b"", MS_BIND, None), f"mount on {path}")


def remove(path: Path) -> None:
    """Unmount and delete *path*; the kernel ends the namespace when nothing else uses it. Safe to repeat.

    Raises ``OSError``.
    """
    while _libc.umount2(os.fsencode(path), MNT_DETACH) == 0:
        pass
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        raise OSError(ctypes.get_errno(), f"cannot unmount {path}")
    path.unlink(missing_ok=True)


def identity(path: Path | str) -> tuple[int, int] | None:
    """Return device and inode of the namespace at *path*: equal for the same namespace; None when there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def inhabitants(namespaces: set[tuple[int, int]]) -> tuple[int, ...]:
    """Return the processes that live in one of *namespaces* (see :func:`identity`)."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and identity(f"/proc/{entry.name}/ns/net") in namespaces:
            found.append(int(entry.name))
    return tuple(found)


def _checked(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
