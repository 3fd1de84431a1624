"""Image archives as ``docker save`` writes them, from whoever: read within bounds, and written anew.

Nothing of such a file is unpacked here, and the Docker Engine never gets the file itself: a tag in it would take the
place of any image of this machine. What it gets has the one image's configuration and layers, and a name of ours.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LARGEST = 4 << 30
"""Octets, unpacked: thirty times one of our own products."""
MEMBERS = 2000
DOCUMENT = 4 << 20
LAYERS = 127
"""More the Docker Engine does not take (its overlay2 driver has that many)."""
_UNREADABLE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


class ArchiveError(Exception):
    """The file is no archive of one image, or beyond the bounds; the text says what is wrong with it."""


@dataclass(frozen=True)
class ArchivedImage:
    """What the archive says of its image: *labels*, and for which *system* it is, such as ``linux/amd64``."""

    labels: Mapping[str, str]
    system: str
    config: str
    layers: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[tuple[tarfile.TarFile, ArchivedImage]]:
    """Yield the archive, plain or compressed, and its image; raises ArchiveError."""
    try:
        with tarfile.open(path, "r:*") as tar:
            members = _members(tar)
            yield tar, _image(tar, members)
    except ArchiveError:
        raise
    except _UNREADABLE as error:
        raise ArchiveError(f"it is no whole archive of docker save: {error}") from error


def rewrite(path: Path, target: IO[bytes], reference: str) -> str:
    """Write the image of the archive *path*, by the name *reference*, and nothing else; return its SHA-256 digest.

    Raises ArchiveError.
    """
    counted = _Counted(target)
    with opened(path) as (tar, image), tarfile.open(fileobj=counted, mode="w|") as written:  # type: ignore[call-overload]
        config = tar.getmember(image.config)
        digest = hashlib.sha256(_read(tar, config)).hexdigest()
        names = [f"{number:03d}/layer.tar" for number in range(len(image.layers))]
        manifest = [{"Config": f"{digest}.json", "RepoTags": [reference], "Layers": names}]
        _add(written, "manifest.json", io.BytesIO(json.dumps(manifest).encode()))
        _add(written, f"{digest}.json", io.BytesIO(_read(tar, config)))
        for name, layer in zip(names, image.layers, strict=True):
            member = tar.getmember(layer)
            content = tar.extractfile(member)
            if content is None:
                raise ArchiveError(f"{layer} is no file")
            _add(written, name, content, member.size)
    return counted.digest.hexdigest()


class _Counted:
    """Passes on what is written, and digests it."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write *data*."""
        self.digest.update(data)
        return self._target.write(data)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int | None = None) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content.getbuffer()) if isinstance(content, io.BytesIO) else size or 0
    member.mode = 0o644
    tar.addfile(member, content)


def _members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The members by name; each is a file or folder with a name inside the archive, once."""
    found: dict[str, tarfile.TarInfo] = {}
    size = 0
    for member in tar:
        size += member.size
        if len(found) >= MEMBERS:
            raise ArchiveError(f"it has more than {MEMBERS} files")
        if size > LARGEST:
            raise ArchiveError(f"it is larger than {LARGEST >> 30} GiB unpacked")
        name = posixpath.normpath(member.name)
        if name.startswith(("/", "..")) or "\0" in name:
            raise ArchiveError(f"{member.name[:80]!r} leads out of the archive")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()) or member.sparse:
            raise ArchiveError(f"{name[:80]!r} is neither a file nor a folder")
        if name in found and not member.isdir():
            raise ArchiveError(f"{name[:80]!r} is in it twice")
        found[name] = member
    return found


def _image(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> ArchivedImage:
    manifest = _document(tar, members, "manifest.json")
    if not isinstance(manifest, list) or not all(isinstance(entry, dict) for entry in manifest):
        raise ArchiveError("manifest.json is no list of images")
    if len(manifest) != 1:
        raise ArchiveError(f"it holds {len(manifest)} images, not one: docker save them one by one")
    entry = manifest[0]
    layers, name = entry.get("Layers"), entry.get("Config")
    if not isinstance(layers, list) or not isinstance(name, str) or not all(isinstance(one, str) for one in layers):
        raise ArchiveError("manifest.json does not say where configuration and layers are")
    if not 0 < len(layers) <= LAYERS:
        raise ArchiveError(f"it has {len(layers)} layers, not 1 to {LAYERS}")
    config = _document(tar, members, name)
    inner = config.get("config") if isinstance(config, dict) else None
    labels = (inner.get("Labels") or {}) if isinstance(inner, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ArchiveError(f"{name} is no configuration of an image")
    files = [_file(members, layer) for layer in layers]
    for layer in files:
        if not layer.isreg():
            raise ArchiveError(f"the layer {layer.name[:80]} is no file")
    system = f"{config.get('os', '')}/{config.get('architecture', '')}"
    return ArchivedImage(labels, system, _file(members, name).name, tuple(layer.name for layer in files))


def _file(members: Mapping[str, tarfile.TarInfo], name: str) -> tarfile.TarInfo:
    """The member that *name* leads to: a layer that two images share can be a link to the other's."""
    for _ in range(8):
        member = members.get(posixpath.normpath(name))
        if member is None:
            raise ArchiveError(f"it lacks {name[:80]}")
        if not (member.issym() or member.islnk()):
            return member
        base = posixpath.dirname(member.name) if member.issym() else ""
        name = posixpath.join(base, member.linkname)
    raise ArchiveError(f"{name[:80]} is a link that leads nowhere")


def _document(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> Any:
    try:
        return json.loads(_read(tar, _file(members, name)))
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{name[:80]} is no JSON") from error


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > DOCUMENT or not member.isreg():
        raise ArchiveError(f"{member.name[:80]} is no file of at most {DOCUMENT >> 20} MiB")
    file = tar.extractfile(member)
    return file.read() if file else b""
