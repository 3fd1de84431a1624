"""A ZIP archive in the only form that its contents allow, so that no octet of the file can be another.

Members are stored without compression, in the order of their names, with one date and one mode. Whoever reads such an
archive writes it again and compares: what a ZIP reader passes over (dates, comments, octets between members) is found.
"""

from __future__ import annotations

import filecmp
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lso.bundles.errors import Altered, BundleError

MAX_BYTES, MAX_FILES, MAX_NAME = 2 << 30, 50_000, 400
"""Octets of an archive, its members, and characters of a member's name."""

_DATE, _MODE, _UNIX = (1980, 1, 1, 0, 0, 0), (stat.S_IFREG | 0o644) << 16, 3
_CHUNK = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, struct.error)
"""What zipfile raises while it reads archives that are damaged, or made to harm. It is caught around reading alone: an
``OSError`` of writing is trouble of this machine, such as a full disk, and no fault of the archive."""


def pack(contents: Mapping[str, Path], target: Path) -> None:
    """Write the archive *target* of the files *contents*, by the names that they have in it.

    It is replaced whole or not at all. Raises BundleError when it would be larger than what :func:`unpack` takes.
    """
    if wrong := [*_wrong_names(list(contents)), *_too_much([path.stat().st_size for path in contents.values()])]:
        raise BundleError("; ".join(wrong))
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
        try:
            _write(contents, Path(part.name))
            Path(part.name).chmod(0o644)
            Path(part.name).replace(target)
        finally:
            Path(part.name).unlink(missing_ok=True)


def unpack(file: Path, folder: Path) -> list[str]:
    """Write the members of the archive *file* below the new *folder* and return their names.

    Nothing is written anywhere else, and no more than *file* has octets. Raises BundleError when it is no archive that
    can be read, Altered when it is not in the form that :func:`pack` gives it, and OSError when it cannot be written.
    """
    try:
        archive = zipfile.ZipFile(file)
    except _UNREADABLE as error:
        raise BundleError(f"{file} cannot be read as a ZIP archive: {_reason(error)}") from error
    with archive:
        members = archive.infolist()
        _check(members, file.stat().st_size)
        contents = {member.filename: folder / member.filename for member in members}
        for member in members:
            _extract(archive, member, contents[member.filename])
    again = folder.with_name(f"{folder.name}.zip")
    _write(contents, again)
    if not filecmp.cmp(file, again, shallow=False):
        raise Altered("the archive was changed outside of the files in it: it is not in the form of a bundle")
    again.unlink()
    return list(contents)


def _write(contents: Mapping[str, Path], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(contents):
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = _UNIX, _MODE
            member.file_size = contents[name].stat().st_size
            with contents[name].open("rb") as source, archive.open(member, "w") as stored:
                shutil.copyfileobj(source, stored, _CHUNK)


def _check(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise Altered for what must not be unpacked, before anything is."""
    findings = [*_wrong_names([member.filename for member in members]), *_too_much([m.file_size for m in members])]
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            findings.append(f"{member.filename!r} is compressed, which no file of a bundle is")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            findings.append(f"{member.filename!r} is no plain file")
    if sum(member.file_size for member in members) > size:
        findings.append("the files in it are said to be larger than the archive")
    if findings:
        raise Altered(*findings)


def _too_much(sizes: Sequence[int]) -> Iterator[str]:
    if len(sizes) > MAX_FILES:
        yield f"{len(sizes)} files are more than the {MAX_FILES} that a bundle may have"
    if sum(sizes) > MAX_BYTES:
        yield f"{sum(sizes)} octets are more than the {MAX_BYTES} that a bundle may have"


def _wrong_names(names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with names that are to become paths: each must stay inside the folder, and be one file's."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{name!r} is there twice"
        seen.add(name)
        if name in folders:
            yield f"{name!r} is a file and a folder"
        if str(PurePosixPath(name)) != name or name.startswith("/") or {"..", "."} & set(name.split("/")):
            yield f"{name!r} is no path inside a bundle"
        elif len(name) > MAX_NAME or not name.isprintable() or "\\" in name:
            yield f"{name!r} is no name for a file of a bundle"


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.writelines(_pieces(archive, member))


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(member) as source:
            while piece := source.read(_CHUNK):
                yield piece
    except _UNREADABLE as error:
        raise Altered(f"{member.filename}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
