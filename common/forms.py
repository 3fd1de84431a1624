"""What pydantic finds wrong with a form, in words that all APIs use, and what a model knows at the place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

WRONG_TYPES = {
    "bool_type": "This must be true or false",
    "int_type": "This must be a JSON number without fraction",
    "float_type": "This must be a JSON number",
    "list_type": "This must be a JSON array",
    "dict_type": "This must be a JSON object",
    "model_type": "This must be a JSON object",
    "model_attributes_type": "This must be a JSON object",
    "string_type": "This must be a JSON string",
}
"""By the type of pydantic's error."""


def own_words(detail: Mapping[str, Any]) -> str:
    """The message of an error; before what a validator of ours says, pydantic puts words of its own."""
    return str(detail["msg"]).removeprefix("Value error, ")


def enumeration(detail: Mapping[str, Any]) -> list[str]:
    """The values of an enumeration, out of the error about one that it has not."""
    return re.findall(r"'([^']*)'", str(detail["ctx"]["expected"]))


def known_members(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """The names that may stand at a place; none where the place is free, or not known."""
    current = model_in(model)
    for part in location:
        if isinstance(part, str) and current is not None:
            fields = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = model_in(fields.get(part))
    return [] if current is None else [field.alias or name for name, field in current.model_fields.items()]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a value of this type is, or is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)
