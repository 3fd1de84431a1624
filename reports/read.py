"""Reading a run's folder back, for rendering it again."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from common.json_text import whole_number
from reports.model import SCHEMA_VERSION, RunResult

RESULT_NAME = "result.json"


class ReportError(Exception):
    """A run's folder that cannot be read. The text says what is wrong and where, one finding a line."""


def load_run(path: Path) -> RunResult:
    """The result in the run folder `path` (or in the `result.json` that `path` names).

    Raises ReportError when there is none, when it is not JSON, or when it does not follow the schema.
    """
    file = path / RESULT_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReportError(_missing(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ReportError(f"{file} cannot be read: {reason}") from error
    _refuse_foreign(file, text)
    try:
        return RunResult.model_validate_json(text)
    except ValidationError as error:
        raise ReportError(_findings(file, error)) from error


def latest_run(folder: Path) -> Path:
    """The run folder under `folder` whose result was written last. Raises ReportError when there is none."""
    results = sorted(folder.glob(f"*/{RESULT_NAME}"), key=lambda file: file.stat().st_mtime)
    if not results:
        raise ReportError(f"{folder} holds no run with a {RESULT_NAME}; make one with: lso run scenarios/…")
    return results[-1].parent


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{path} holds no {RESULT_NAME}: it is not a run's folder, or the run did not get as far as its report"
    return f"{path} does not exist"


def _refuse_foreign(file: Path, text: str) -> None:
    """Say plainly that the file is not JSON, or not a result of a version that this program knows."""
    try:
        content = json.loads(text, parse_int=whole_number)
    except json.JSONDecodeError as error:
        raise ReportError(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{file}: not JSON: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version is None:
        raise ReportError(f"{file} is not a run's result: it has no schema_version")
    if version != SCHEMA_VERSION:
        raise ReportError(f"{file} has schema version {version!r}; this program reads version {SCHEMA_VERSION!r}")


def _findings(file: Path, error: ValidationError) -> str:
    lines = (f"{file}: {'.'.join(map(str, item['loc'])) or 'result'}: {item['msg']}" for item in error.errors())
    return "\n".join(lines)
