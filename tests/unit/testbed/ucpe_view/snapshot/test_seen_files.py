"""Mounts, files and processes of a uCPE, read from folders that look like those below ``/proc``."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.ucpe_view.snapshot import files, mounts, processes
from testbed.ucpe_view.snapshot.model import Part
from testbed.ucpe_view.snapshot.mounts import Mount

MOUNTINFO = r"""700 600 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/d/l/A:/d/l/B,upperdir=/d/up,workdir=/d/w
701 700 0:51 /a\040b /mnt/c\011d ro,nosuid shared:7 master:1 - ext4 /dev/sd\040a rw,errors=remount-ro
702 700 0:4 net:[4026532001] /run/netns/stale rw - nsfs nsfs rw
"""


LIMITS = (
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max open files            1024                 unlimited            files     \n"
)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def test_mounts_are_read() -> None:
    root, other, namespace = mounts.parse(MOUNTINFO)
    assert (root.point, root.kind, root.writable, root.upper) == ("/", "overlay", True, "/d/up")
    assert (other.point, other.root, other.source, other.writable) == ("/mnt/c\td", "/a b", "/dev/sd a", False)
    assert mounts.as_part([namespace]) == {
        "mount /run/netns/stale (nsfs)": {"root": "net:[4026532001]", "source": "nsfs", "options": "rw", "shared": "rw"}
    }


def _mount(point: str, kind: str = "ext4", options: str = "rw", shared: str = "rw") -> Mount:
    return Mount(point, "/", kind, "none", options, shared)


def _files(tmp_path: Path, *found: Mount) -> Part:
    with _opened(tmp_path) as folder:
        return files.read(folder, found)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("etc/keys", "data/inner", "sealed"):
        (root / folder).mkdir(parents=True, mode=0o755)
    (root / "etc" / "keys" / "psk.key").write_text("secret")
    (root / "etc" / "keys" / "psk.key").chmod(0o600)
    (root / "etc" / "link").symlink_to("/etc/passwd")
    (root / "data" / "inner" / "file").write_text("of another mount")
    (root / "sealed" / "file").write_text("nobody can write here")
    return root


def test_files_below_writable_mounts(root: Path) -> None:
    seen = _files(
        root.parent, _mount("/etc"), _mount("/sealed", options="ro"), _mount("/data"), _mount("/data/inner", "proc")
    )
    owner = {} if os.geteuid() == 0 else {"owner": f"{os.getuid()}:{os.getgid()}"}
    digest = hashlib.sha256(b"secret").hexdigest()
    assert seen == {
        "folder /etc/keys": {"mode": "0755", **owner},
        "file /etc/keys/psk.key": {"mode": "0600", **owner, "size": 6, "sha256": digest},
        "link /etc/link": {"target": "/etc/passwd"},
    }


def test_a_file_that_is_a_mount_itself(root: Path) -> None:
    assert list(_files(root.parent, _mount("/etc/keys/psk.key"))) == ["file /etc/keys/psk.key"]


def test_large_files_are_compared_by_size_and_times(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "HASHED_OCTETS", 5)
    before = _files(root.parent, _mount("/etc"))["file /etc/keys/psk.key"]
    key = root / "etc" / "keys" / "psk.key"
    times = key.stat()
    assert (before["size"], before["changed"]) == (6, times.st_mtime_ns)
    while key.stat().st_ctime_ns == times.st_ctime_ns:  # the kernel's clock of files stands still for milliseconds
        key.write_text("tecres")
    os.utime(key, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = _files(root.parent, _mount("/etc"))["file /etc/keys/psk.key"]
    assert {name for name in after if after[name] != before[name]} == {"written"}


def test_extended_attributes_are_compared(root: Path) -> None:
    try:
        os.setxattr(root / "etc" / "keys" / "psk.key", "user.note", b"\x01")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    assert _files(root.parent, _mount("/etc"))["file /etc/keys/psk.key"]["attributes"] == {"user.note": "01"}


def test_content_that_moves_by_itself_is_not_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.CONTENT_NOT_COMPARED, "/etc/keys/*", "of a test")
    assert "size" not in _files(root.parent, _mount("/etc"))["file /etc/keys/psk.key"]
    monkeypatch.setitem(files.NOT_COMPARED, "/etc/keys", "of a test")
    assert list(_files(root.parent, _mount("/etc"))) == ["file /etc/keys/psk.key", "link /etc/link"]


def test_of_an_overlay_only_what_differs_from_the_image_is_told(root: Path, tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    shutil.copytree(root / "etc", upper / "etc", symlinks=True)  # as they are in the image
    (upper / "etc" / "keys" / "psk.key").chmod(0o640)
    (upper / "etc" / "new").mkdir(mode=0o700)
    (upper / "written").write_text("x")
    seen = _files(tmp_path, _mount("/", "overlay", shared=f"rw,lowerdir=/gone:{root},upperdir={upper}"))
    assert list(seen) == ["change of file /etc/keys/psk.key", "file /written", "folder /etc/new"]
    assert seen["change of file /etc/keys/psk.key"]["mode"] == "0640"


def test_what_a_mount_hides_in_an_overlay_is_told(root: Path, tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "data").mkdir(parents=True)
    (upper / "data" / "hidden").write_text("below")
    overlay = _mount("/", "overlay", shared=f"rw,lowerdir={root},upperdir={upper}")
    assert list(_files(tmp_path, overlay)) == ["file /data/hidden"]
    assert list(_files(tmp_path, overlay, _mount("/data", "proc"))) == ["file /data/hidden below a mount"]


@pytest.mark.skipif(os.geteuid() != 0, reason="marks of an overlay need root")
def test_what_an_overlay_hides_is_told(root: Path, tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "etc").mkdir(parents=True)
    os.mknod(upper / "etc" / "link", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    mount = _mount("/", "overlay", shared=f"rw,lowerdir={root},upperdir={upper}")
    assert list(_files(tmp_path, mount)) == ["deletion of /etc/link"]
    try:
        os.setxattr(upper / "etc", "trusted.overlay.opaque", b"y")
    except OSError:
        pytest.skip("this file system has no such marks")
    assert list(_files(tmp_path, mount)) == ["deletion of /etc/*", "deletion of /etc/link"]


def test_without_the_overlays_own_folder_all_files_are_looked_at(root: Path) -> None:
    everything = _files(root.parent, _mount("/", "overlay", shared="rw,upperdir=/not/reachable/from/here"))
    assert {"file /etc/keys/psk.key", "file /sealed/file", "folder /data/inner"} <= everything.keys()


def _process(proc: Path, pid: int, parent: int, command: str, namespaces: tuple[str, ...] = ()) -> None:
    own = proc / str(pid)
    (own / "ns").mkdir(parents=True)
    (own / "fd").mkdir()
    (own / "stat").write_text(f"{pid} (a name) S) S {parent} 1 1")
    (own / "limits").write_text(LIMITS)
    (own / "cmdline").write_text("".join(f"{word}\0" for word in command.split()))
    (own / "exe").symlink_to("/usr/bin/program")
    for place, namespace in zip(("ns/net", "fd/7", "fd/8"), namespaces, strict=False):
        (own / place).symlink_to(namespace)


def test_processes_and_the_namespaces_that_they_hold(tmp_path: Path) -> None:
    proc = tmp_path / "root" / "proc"
    _process(proc, 1, 0, "ucpe", ("net:[1]",))
    _process(proc, 7, 1, "dockerd --host x", ("net:[1]", "net:[2]", "pipe:[3]"))
    _process(proc, 8, 7, "helper", ("net:[1]",))
    _process(proc, 9, 1, "sleep 5", ("net:[4]",))
    _process(proc, 10, 0, "sleep 5", ("net:[1]",))
    _process(proc, 11, 1, "", ("net:[1]",))
    (proc / "self").mkdir()
    with _opened(tmp_path) as folder:
        found = processes.running(folder)
    program = {"program": "/usr/bin/program", "Max open files": "1024 unlimited"}
    assert processes.as_part(found) == {
        "process ucpe": program,
        "process dockerd --host x": program,
        "process sleep 5": {**program, "number": 2},
        "process (a name) S)": program,
    }
    assert processes.namespaces(found, [Mount("/run/netns/x", "net:[4]", "nsfs", "nsfs", "rw", "rw")]) == {
        "network namespace net:[1] of process ucpe": {},
        "network namespace net:[2] of process dockerd --host x": {},
        "network namespace /run/netns/x": {"namespace": "net:[4]"},
    }


def test_a_process_that_has_no_open_files_any_more(tmp_path: Path) -> None:
    _process(tmp_path / "root" / "proc", 1, 0, "ucpe")
    (tmp_path / "root" / "proc" / "1" / "fd").rmdir()
    with _opened(tmp_path) as folder:
        (one,) = processes.running(folder)
    assert (one.command, one.namespaces, one.sockets) == ("ucpe", (), frozenset())
