"""From the JSON of an answer to the published types."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from presto_api.mef.payload import KINDS, MODELS, Payload
from presto_client.errors import BadAnswer

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], values: Any) -> Model:
    """The typed value; members that a newer server has are left out. Raises BadAnswer."""
    try:
        return model.model_validate(values, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(map(str, first["loc"]))
        raise BadAnswer(f"the server's {model.__name__} cannot be read: {place}: {first['msg']}") from None


def payload(configuration: dict[str, Any] | None) -> Payload | None:
    """A `serviceConfiguration` by its `@type`; None where it is of no type of W100. Raises BadAnswer."""
    kind = KINDS.get(str((configuration or {}).get("@type")))
    return read(MODELS[kind], configuration) if kind else None


def part(text: str) -> str:
    """An id as one part of a path, whatever characters it has."""
    return quote(text, safe="")
