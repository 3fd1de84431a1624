"""The base of all bodies of this face, in and out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """Members in camel case as in the MEF APIs; unknown ones are refused, and JSON types are taken as they are."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True, frozen=True, from_attributes=True
    )
