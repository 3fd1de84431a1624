"""Writing a run's folder: `result.json`, `junit.xml`, `report.html`; beside them `evidence/`, `inputs/`, `state/`."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reports.junit import junit_xml
from reports.model import RunResult
from reports.page import render_html
from reports.read import RESULT_NAME

EVIDENCE, INPUTS, STATE, MARKER = "evidence", "inputs", "state", ".lso-run"
FOLDERS = (EVIDENCE, INPUTS, STATE)
JUNIT_NAME, PAGE_NAME, TROUBLE_NAME = "junit.xml", "report.html", "trouble.txt"
PROVE_JSON, PROVE_PAGE = "prove.json", "prove.html"


@dataclass(frozen=True)
class ReportPaths:
    """The files of a written report."""

    result: Path
    junit: Path
    page: Path


def result_json(result: RunResult) -> str:
    """The result as `result.json` holds it; `RunResult.model_validate_json` reads it back unchanged."""
    return result.model_dump_json(indent=2) + "\n"


def new_folder(wanted: Path) -> Path:
    """Make the folder *wanted*, or one with the next free number behind its name, and return it: nobody else has it."""
    _make(wanted.parent)
    folder, number = wanted, 1
    while not _made(folder):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _made(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


@contextmanager
def prepare(directory: Path) -> Iterator[None]:
    """Make *directory* ready for a run and keep other runs out of it: nothing of an earlier one is left in it.

    Only what a run writes is removed, and only where a run wrote before. Raises OSError when it cannot be written,
    FileExistsError when it holds a folder of that name that no run left there, and BlockingIOError while another run
    has it. The lock ends with its process, however that ends.
    """
    _make(directory)
    marker, found = directory / MARKER, [path for name in FOLDERS if (path := directory / name).exists()]
    if found and not (marker.exists() or (directory / RESULT_NAME).exists()):
        raise FileExistsError(errno.EEXIST, "no run left it there: remove it or name another folder", str(found[0]))
    with marker.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = "another run writes its report there: wait for its end or name another folder"
            raise BlockingIOError(error.errno, told, str(directory)) from error
        marker.write_text("lso run writes its report here, over the one that was here before\n", encoding="utf-8")
        for path in found:
            shutil.rmtree(path)
        for name in (RESULT_NAME, JUNIT_NAME, PAGE_NAME, TROUBLE_NAME, PROVE_JSON, PROVE_PAGE):
            (directory / name).unlink(missing_ok=True)
        yield


def _make(directory: Path) -> None:
    """Make the folder; the error of a file in its way names that file."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        for path in (directory, *directory.parents):
            if path.exists() and not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", str(path)) from error
        raise


def write_report(result: RunResult, directory: Path) -> ReportPaths:
    """Render `result` into `directory`, made if need be. Each file is replaced whole or not at all.

    Raises OSError when the directory cannot be written.
    """
    paths = ReportPaths(directory / RESULT_NAME, directory / JUNIT_NAME, directory / PAGE_NAME)
    texts = ((paths.result, result_json(result)), (paths.junit, junit_xml(result)), (paths.page, render_html(result)))
    directory.mkdir(parents=True, exist_ok=True)
    for path, text in texts:
        replace_file(path, text)
    return paths


def replace_file(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader or a full disk never sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
