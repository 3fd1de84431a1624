"""The file of a sabotage: what is broken, how, how it is undone, and which assertions must notice.

Published as ``scenarios/sabotage.schema.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from scenarios.file.format import Name, StepId, Strict

Role = Literal["near", "far", "first", "second"]
When = Literal["service", "removed"]
ROLES: tuple[str, ...] = get_args(Role)
UNDERLAY, HOST, LAN, NETWORK = "underlay", "host", "lan", "network"
PARTS = (HOST, LAN, NETWORK)
"""What a place may be of a site, beside its uCPE itself and the kinds of VNF."""

Script = Annotated[str, Field(description="a script of /bin/sh, run with -eu; $NAMES of what is there are set")]


class Action(Strict):
    """Something done at one place, and how it is undone."""

    where: str = Field(
        description="near, far, first, second: that site's uCPE; near/host, far/lan, first/network, second/firewall: "
        "something there; underlay"
    )
    do: Script = ""
    undo: Script = ""
    background: Script = Field(
        default="",
        description="a script that runs while the steps are judged; its first line of output says that it is at work",
    )
    effect: Script = Field(
        default="",
        description="a script that ends with 0 when it is broken: tried until it does, else no step is judged",
    )

    @property
    def scripts(self) -> tuple[str, ...]:
        """Return all of them."""
        return self.do, self.undo, self.background, self.effect

    @model_validator(mode="after")
    def _does_something(self) -> Action:
        if not self.do and not self.background:
            raise ValueError("an action has something to do, or a background")
        return self


class Noticing(Strict):
    """Steps that must notice: those of *verb* whose parameters are these; one of several where a list stands."""

    verb: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    check: str = Field(default="", description="the name of the check that has to fail, * for any part of it")


class Requires(Strict):
    """What a lab must have for the sabotage to be possible there."""

    vendors: dict[Name, str] = Field(default_factory=dict, description="the product of a kind of VNF")
    engines: dict[Literal["esp", "datapath", "impairment", "cgroup"], str] = Field(default_factory=dict)


class Sabotage(Strict):
    """A whole file; it is called as the sabotage is, with ``.yaml``."""

    sabotage: StepId
    title: str = Field(min_length=1)
    broken: str = Field(min_length=1, description="what is wrong with the network then, for people")
    when: When = Field(default="service", description="while the service is active, or after its removal")
    lasting: bool = Field(default=False, description="it leaves traces for good: what comes next gets another lab")
    must_notice: list[Noticing] = Field(min_length=1)
    requires: Requires = Field(default_factory=Requires)
    actions: list[Action] = Field(min_length=1)


def spelled_out(data: Any) -> Any:
    """Return the content of a file with ``{verb: X}`` for each ``X`` that stands alone in ``must_notice``."""
    noticing = data.get("must_notice") if isinstance(data, dict) else None
    if not isinstance(noticing, list):
        return data
    return {**data, "must_notice": [{"verb": one} if isinstance(one, str) else one for one in noticing]}


class LoadedSabotage(Strict):
    """A sabotage that may be tried, and its file."""

    file: Path
    sabotage: Sabotage

    @property
    def id(self) -> str:
        """Return the sabotage's id."""
        return self.sabotage.sabotage
