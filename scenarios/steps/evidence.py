"""What a step observed, as values that go to JSON and come back, with captures and documents as files named in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationInfo


def _beside(value: object, info: ValidationInfo) -> object:
    """Return the path of the file *value* in the folder that the evidence is read from."""
    if not isinstance(value, str):
        return value
    if not info.context or value in ("", "..") or Path(value).name != value:
        raise ValueError(f"{value!r} is no name of a file beside the evidence")
    return f"{info.context['folder']}/{value}"


File = Annotated[Path, BeforeValidator(_beside), PlainSerializer(lambda path: path.name)]
"""A file in the step's folder; JSON holds its name alone, so that the folder can be moved."""


class Evidence(BaseModel):
    """Base of all evidence: immutable, refuses unknown keys; octets are hexadecimal in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="hex", val_json_bytes="hex")

    def files(self) -> list[Path]:
        """Return every file that the evidence names, in its parts too."""
        return list(_files(list(vars(self).values())))


def read_json(path: Path) -> Any:
    """Return the JSON document in *path*."""
    return json.loads(path.read_text(encoding="utf-8"))


def _files(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Evidence):
        yield from value.files()
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _files(item)
