"""The files that were written on a uCPE: what its overlay keeps of its root, and all other writable file systems."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from testbed.ucpe_view.snapshot.model import Part, part
from testbed.ucpe_view.snapshot.mounts import Mount

HASHED_OCTETS = 1 << 17
"""Up to this size files are compared by their SHA-256, larger ones by size and times: `written` nobody can set back."""

NO_FILES = {
    "proc": "processes and sysctls, which are compared by themselves",
    "sysfs": "shows the machine's devices",
    "cgroup": "groups of processes, made and emptied by the engine as it likes; not compared",
    "cgroup2": "groups of processes, made and emptied by the engine as it likes; not compared",
    "devpts": "terminals of whoever is logged in",
    "nsfs": "namespaces, which are compared by themselves",
}
"""File systems that hold no files of the uCPE."""

CONTENT_NOT_COMPARED: dict[str, str] = {
    "/var/log/*": "logs grow",
    "/dev/mqueue/*": "messages that wait in a queue",
    "/etc/openvswitch/conf.db": "the switch's database, whose rows are compared by themselves",
    "/var/lib/docker/network/files/local-kv.db": "container networks, which are compared by themselves",
    "/var/lib/docker/volumes/metadata.db": "volumes, which are compared by themselves",
    "/var/lib/docker/containerd/daemon/io.containerd.metadata.v1.bolt/meta.db": "processes of containers, as above",
    "/var/lib/docker/image/overlay2/repositories.json": "names of images, which are compared by themselves",
    "/var/lib/docker/image/overlay2/imagedb/metadata/sha256/*/lastUpdated": "when an image was given a name, as above",
}
"""Files whose content moves by itself or is compared elsewhere, and why; that they are there is compared."""

_ONCE = "made with the first container; it stays, and what is in it is compared"
NOT_COMPARED: dict[str, str] = {
    "/run/docker/netns/*": "the engine forgets them once a minute; those of a namespace that lives are mounts",
    "/var/lib/docker/overlay2/*/committed": "marks a layer of an image that a container was made of",
    "/run/containerd": _ONCE,
    "/run/containerd/s": _ONCE,
    "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby": _ONCE,
    "/run/docker/netns": _ONCE,
    "/run/docker/runtime-runc": _ONCE,
    "/run/docker/runtime-runc/moby": _ONCE,
    "/var/lib/docker/containerd/daemon/io.containerd.runtime.v2.task/moby": _ONCE,
    "/var/lib/docker/image/overlay2/layerdb/mounts": _ONCE,
}
"""Files that come or go by themselves, and why; what is in a folder is compared all the same."""

Item = tuple[str, dict[str, Any]]
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read(folder: int, mounts: Iterable[Mount]) -> Part:
    """Return the files of the uCPE whose first process's folder below ``/proc`` is open as *folder*."""
    places = list(mounts)
    points = frozenset(mount.point for mount in places)
    return part(item for place in _places(places) for item in _Walk(folder, place, points).items())


def _places(mounts: Iterable[Mount]) -> Iterator[Mount]:
    """Yield each mount that files can be written to; of overlays the root's, others keep their files elsewhere."""
    for mount in {mount.point: mount for mount in mounts}.values():
        if mount.writable and mount.kind not in NO_FILES and (mount.kind != "overlay" or mount.point == "/"):
            yield mount


@dataclass(frozen=True)
class _Walk:
    """A way through the files below one mount, never out of it: by open folders, and links are not followed."""

    folder: int
    mount: Mount
    others: frozenset[str]

    def items(self) -> Iterator[Item]:
        """Yield the files, named by their paths in the uCPE."""
        # The overlay's own folder has only what was written; where it is not reachable, all files are looked at.
        upper = self.mount.upper
        if upper and Path(upper).is_dir():
            yield from self._differing(Path(upper))
            return
        start = Path(f"/proc/self/fd/{self.folder}/root{self.mount.point}")
        if start.is_dir():
            yield from (item for _, item in self._within(start, self.others))
            return
        with contextlib.suppress(FileNotFoundError):
            yield _item(self.mount.point, start.stat(), str(start), None)

    def _differing(self, upper: Path) -> Iterator[Item]:
        """Yield what is not as the image has it: a folder is there, for instance, as soon as something in it is."""
        for place, item in self._within(upper, frozenset()):
            name, details = item
            original = None if name == _deletion(place) else _original(self.mount.lowers, place)
            if any(place.startswith(f"{point}/") for point in self.others - {"/"}):
                yield f"{name} below a mount", details
            elif not original:
                yield item
            elif original != item:
                yield f"change of {name}", details
            if original and _hides(f"{upper}{place}"):
                yield f"{_deletion(place)}/*", {}

    def _within(self, start: Path, left_out: frozenset[str]) -> Iterator[tuple[str, Item]]:
        top = os.open(start, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield from self._below(top, self.mount.point.rstrip("/"), left_out)
        finally:
            os.close(top)

    def _below(self, folder: int, path: str, left_out: frozenset[str]) -> Iterator[tuple[str, Item]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                place = f"{path}/{entry.name}"
                if place in left_out:
                    continue
                with contextlib.suppress(FileNotFoundError):  # it went meanwhile
                    if not _matches(place, NOT_COMPARED):
                        yield place, _item(place, entry.stat(follow_symlinks=False), entry.name, folder)
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._into(entry.name, folder, place, left_out)

    def _into(self, name: str, folder: int, path: str, left_out: frozenset[str]) -> Iterator[tuple[str, Item]]:
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            yield from self._below(inner, path, left_out)
        finally:
            os.close(inner)


def _original(lowers: Iterable[str], place: str) -> Item | None:
    """Return what the topmost of the layers *lowers* has at *place*."""
    for lower in lowers:
        path = Path(f"{lower}{place}")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = _item(place, path.lstat(), str(path), None)
            return None if found[0] == _deletion(place) else found
    return None


def _hides(folder: str) -> bool:
    """Tell whether an overlay shows nothing of the image in *folder*, which was deleted and made anew."""
    try:
        return os.getxattr(folder, "trusted.overlay.opaque", follow_symlinks=False) == b"y"
    except OSError:
        return False


def _deletion(place: str) -> str:
    return f"deletion of {place}"


def _item(place: str, found: os.stat_result, name: str, folder: int | None) -> Item:
    details: dict[str, Any] = {"mode": f"{stat.S_IMODE(found.st_mode):04o}"}
    if found.st_uid or found.st_gid:
        details["owner"] = f"{found.st_uid}:{found.st_gid}"
    if not stat.S_ISLNK(found.st_mode) and (attributes := _attributes(name, folder)):
        details["attributes"] = attributes
    if stat.S_ISREG(found.st_mode):
        compared = not _matches(place, CONTENT_NOT_COMPARED)
        return f"file {place}", {**details, **(_content(found, name, folder) if compared else {})}
    if stat.S_ISDIR(found.st_mode):
        return f"folder {place}", details
    if stat.S_ISLNK(found.st_mode):
        return f"link {place}", {"target": os.readlink(name, dir_fd=folder)}
    if stat.S_ISCHR(found.st_mode) and not found.st_rdev:
        return _deletion(place), {}  # an overlay's word for a file of the image that is gone
    kind = {stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe"}.get(stat.S_IFMT(found.st_mode), "device")
    number = {"number": f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"} if kind == "device" else {}
    return f"{kind} {place}", {**details, **number}


def _attributes(name: str, folder: int | None) -> dict[str, str]:
    """Return the extended attributes of a file, such as its capabilities (xattr(7)), but for the overlay's own ones."""
    path = name if folder is None else f"/proc/self/fd/{folder}/{name}"
    try:
        found = os.listxattr(path, follow_symlinks=False)
        return {each: os.getxattr(path, each, follow_symlinks=False).hex() for each in found if not _of_overlay(each)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENODATA):  # the file system has none, or it went meanwhile
            return {}
        raise


def _of_overlay(attribute: str) -> bool:
    return attribute.startswith("trusted.overlay.")


def _content(found: os.stat_result, name: str, folder: int | None) -> dict[str, Any]:
    if found.st_size > HASHED_OCTETS:
        return {"size": found.st_size, "changed": found.st_mtime_ns, "written": found.st_ctime_ns}
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return {"size": found.st_size, "sha256": hashlib.sha256(file.read(HASHED_OCTETS)).hexdigest()}


def _matches(place: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(place, pattern) for pattern in patterns)
