"""A template and what it imports, read from allowed folders only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from common.findings import FileFinding
from common.yaml_reader import Document
from orchestrator.tosca.documents.document import MAX_BYTES, read_document
from orchestrator.tosca.documents.report import Place, Report

MAX_FILES = 64

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that may be read, and its path in messages."""

    label: Path
    folder: Path

    @classmethod
    def of(cls, label: str | Path, folder: Path) -> Root:
        """The folder with all symbolic links resolved."""
        return cls(Path(label), _real(folder))


@dataclass(frozen=True, slots=True)
class Sources:
    """The documents, the template's own first, and the digest of each file that was read."""

    documents: tuple[Document, ...]
    digests: tuple[tuple[Path, str], ...]


def digest(content: bytes) -> str:
    """What tells one content of a file from another."""
    return sha256(content).hexdigest()


def read_sources(template: Path, roots: tuple[Root, ...], report: Report, also: Iterable[Path] = ()) -> Sources:
    """Read the template and, transitively, its imports, each file once, as if it imported *also* too.

    Reports what cannot be read.
    """
    reader = _Reader(roots, report)
    for path in (template, *also):
        reader.read_file(path)
    return Sources(tuple(reader.documents), tuple(reader.digests.items()))


class _Reader:
    def __init__(self, roots: tuple[Root, ...], report: Report) -> None:
        self._roots = roots
        self._report = report
        self.documents: list[Document] = []
        self.digests: dict[Path, str] = {}

    def read_file(self, path: Path) -> None:
        """A link keeps its own name in messages; where it leads to decides whether it may be read."""
        real = _real(path)
        name = self._label(_real(path.parent) / path.name) or path.name
        if self._label(real) is None:
            self._report.note(FileFinding(name, 1, 1, "", "the file is outside the folders that may be read"))
        elif real not in self.digests:
            self._read(real, name, None)

    def _read(self, real: Path, name: str, imported_at: Place | None) -> None:
        try:
            with real.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            if imported_at is None:
                self._report.note(FileFinding(name, 1, 1, "", message))
            else:
                self._report.add(imported_at, f"{name} {message}")
            return
        self.digests[real] = digest(content)
        document = read_document(name, content, self._report)
        if document is None:
            return
        self.documents.append(document)
        if isinstance(document.data, dict):
            self._imports(document, real)

    def _imports(self, document: Document, real: Path) -> None:
        place = Place(document, ("imports",))
        entries = document.data.get("imports")
        if entries is None:
            return
        if not isinstance(entries, list):
            self._report.add(place, "imports must be a list of file names")
            return
        for index, entry in enumerate(entries):
            self._import(entry, place / index, real)

    def _import(self, entry: Any, place: Place, importing: Path) -> None:
        for key in sorted(set(entry) - {"file"}) if isinstance(entry, dict) else ():
            self._report.add(place / key, f"{key} is not supported", "names of types are taken as they are")
        name = entry.get("file") if isinstance(entry, dict) else entry
        if not isinstance(name, str) or not name:
            self._report.add(place, "an import must be a file name", "write - ../types/lso_types.yaml")
            return
        real = self._find(name, place, importing)
        if real is None or real in self.digests:
            return
        if len(self.digests) >= MAX_FILES:
            self._report.add(place, f"more than {MAX_FILES} files are imported")
            return
        self._read(real, self._label(real) or real.name, place)

    def _find(self, name: str, place: Place, importing: Path) -> Path | None:
        """The file of that name beside the importing file, else in one of the roots; links are resolved first."""
        if _URL.match(name):
            self._report.add(place, f"{name}: addresses are never fetched", "import a file by its relative path")
            return None
        if name.startswith("/") or "\0" in name:
            self._report.add(place, f"{name}: absolute paths are not followed", "import a file by its relative path")
            return None
        candidates = [folder / name for folder in (importing.parent, *(root.folder for root in self._roots))]
        inside = [real for real in map(_real, candidates) if self._label(real) is not None]
        found = next((real for real in inside if _is_file(real)), None)
        if found is None:
            # The same words whether or not something is there: templates must not probe the machine's files.
            labels = ", ".join(dict.fromkeys(str(root.label) for root in self._roots))
            self._report.add(place, f"{name} is not a file in a folder that may be read", f"folders: {labels}")
        return found

    def _label(self, real: Path) -> str | None:
        """The file's name in messages; None when it is in none of the roots."""
        for root in self._roots:
            if real.is_relative_to(root.folder):
                return str(root.label / real.relative_to(root.folder))
        return None


def unchanged(digests: Iterable[tuple[Path, str]]) -> bool:
    """True while all files have the content that they were read with."""
    try:
        return all(digest(path.read_bytes()) == known for path, known in digests)
    except OSError:
        return False


def _real(path: Path) -> Path:
    """The path with all symbolic links resolved; unlike Path.resolve, a circle of links is no error."""
    return Path(os.path.realpath(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
