"""What pydantic finds wrong with a part of a file, as findings: the place, a sentence, a hint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from common.findings import Fault, Path, nearest
from common.forms import model_in, own_words
from scenarios.file.findings import Findings
from scenarios.file.format import Strict
from scenarios.file.partial import partial

_LONGEST_SHOWN = 80
_WORDS = {
    "model_type": "a mapping is wanted, as in `key: value`",
    "dict_type": "a mapping is wanted, as in `key: value`",
    "list_type": "a list is wanted, as in `[a, b]`",
    "tuple_type": "a list is wanted, as in `[a, b]`",
    "string_type": "text is wanted",
    "too_short": "at least {min_length} wanted, there are {actual_length}",
}
"""What pydantic says in Python's words, by its kind of error."""

Checked = TypeVar("Checked", bound=Strict)


def checked(findings: Findings, model: type[Checked], data: Any, base: Path) -> Checked:
    """Return *data* as a *model*; what is wrong with it is a finding, and empty in what is returned."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        findings.add(_faults(error, model, base))
        return cast("Checked", partial(model, data))


def value_faults(field: FieldInfo, value: Any, base: Path) -> Iterator[Fault]:
    """Yield what is wrong with *value*, which stands at *base*, as one of a model's *field* just as it is written."""
    alone: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter[Any](alone).validate_python(value, strict=True)
    except ValidationError as error:
        yield from _faults(error, BaseModel, base)


def _faults(error: ValidationError, model: type[BaseModel], base: Path) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        inner = tuple(part for part in detail["loc"] if part != "[key]")
        kind, path = detail["type"], (*base, *inner)
        if kind == "extra_forbidden":
            known = _known_keys(model, inner[:-1])
            yield Fault(path, f"unknown key {inner[-1]!r}", nearest(str(inner[-1]), known))
        elif kind == "missing":
            yield Fault(path, "is missing")
        else:
            words = _WORDS[kind].format(**detail.get("ctx", {})) if kind in _WORDS else _sentence(own_words(detail))
            yield Fault(path, words, _given(detail["input"]))


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]


def _given(value: object) -> str:
    if isinstance(value, dict | list):
        return ""
    if value is None or isinstance(value, bool):
        return f"the file has {json.dumps(value)}"
    shown = repr(value)
    return f"the file has {shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + '…'}"


def _known_keys(model: type[BaseModel], path: Path) -> set[str]:
    """Return the keys that *model* knows at *path*."""
    for part in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = model_in(fields[str(part)].annotation) if str(part) in fields else model
        model = inner or model
    return {field.alias or name for name, field in model.model_fields.items()}
