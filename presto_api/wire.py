"""The base of all published types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """Members in camel case, as published; unknown ones are refused (MEF 99.1 R7), JSON types as they are."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True, frozen=True, from_attributes=True
    )
