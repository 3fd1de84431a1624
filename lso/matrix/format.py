"""The matrix file: a scenario, what is varied of it, which failures are known. Typed here, checked as scenarios are.

Published as ``scenarios/matrix.schema.json``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from scenarios.file.format import Name, Step, StepId, Strict


def _all(value: object) -> object:
    """Take ``all`` for an empty list: then nothing is left out."""
    return [] if value == "all" else value


class Variation(Strict):
    """A value of an axis: changes of the scenario, and what its cells are expected to do."""

    id: StepId
    title: str = ""
    change: dict[str, Any] = Field(
        default_factory=dict,
        description="parts of the scenario: a mapping changes the members that it names, in lists those of the item"
        " with that id; null takes one away",
    )
    expect: Literal["passed", "fails-to-connect"] = Field(
        default="passed", description="cells of fails-to-connect have the steps of `negative_steps`"
    )


class AxisEntry(Strict):
    """An axis: products of a kind for each of *sites*, in every combination; of several, by turns; or variations."""

    title: str = ""
    kind: str = Field(
        default="", description="the kind of VNF whose products are varied, or `ucpe` for the makes of uCPE"
    )
    kinds: list[str] = Field(
        default_factory=list,
        description="kinds whose products go round: in the first value each site gets another one of each kind, and"
        " in each further value the one that the next site had",
    )
    sites: list[Name] = Field(default_factory=list, description="the sites that each get a product of it")
    products: Annotated[list[str], BeforeValidator(_all)] = Field(
        default_factory=list, description="names of products; `all`, which is the default, for those in the catalogue"
    )
    values: list[Variation] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if sum((bool(self.kind and self.sites), bool(self.kinds and self.sites), bool(self.values))) != 1:
            raise ValueError("an axis has a kind and sites, or kinds and sites, or values")
        if self.products and not self.kind:
            raise ValueError("products are of the one kind of an axis")
        return self


class DeviationEntry(Strict):
    """Cells that may fail: a pattern for each axis that matters, and the reason."""

    cells: dict[Name, str] = Field(min_length=1)
    reason: str = Field(min_length=1)


class MatrixFile(Strict):
    """A whole matrix file."""

    matrix: StepId
    title: str = ""
    description: str = ""
    base: str = Field(min_length=1, description="the scenario that is varied, by its path from this file's folder")
    axes: dict[Name, AxisEntry] = Field(min_length=1)
    negative_steps: list[Step] = Field(default_factory=list)
    deviations: list[DeviationEntry] = Field(default_factory=list)
