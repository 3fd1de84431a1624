"""The service model that all APIs share, in the terms of MEF 70.

Text is as the order gave it, because each API must echo it unchanged; an empty identifier means that the order left
it out, which `check` reports. Nothing here is specific to an API or to a VNF vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

ServiceType = Literal["point-to-point", "point-to-multipoint", "multipoint", "rooted-multipoint"]
EndPointRole = Literal["symmetric", "root", "leaf"]


@dataclass(frozen=True)
class Criterion:
    """One criterion of an application flow or of a policy: MEF 70's pair of a name and its parameters."""

    name: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Application:
    """An application flow: the packets that satisfy all its criteria (MEF 70 R43)."""

    identifier: str
    group: str | None = None
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A named policy with the values of its criteria."""

    identifier: str
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class PolicyAssignment:
    """One entry of a policy map: an application flow, or a group of them, and the policy that it gets.

    `kind` says which of the two it names, where the order said so.
    """

    application: str
    policy: str
    kind: Literal["flow", "group"] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class EndPoint:
    """An SWVC end point on one UNI, named by id or name; `tapi` is what only the TAPI operations know and echo."""

    identifier: str
    uni: str
    local_id: str | None = None
    role: EndPointRole = "symmetric"
    overrides: tuple[PolicyAssignment, ...] = ()
    tapi: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Swvc:
    """An SD-WAN virtual connection as ordered. `mtu` is in bytes; `applications` is in order of precedence (R44).

    `listed_end_points` is the order's own list of end point identifiers, empty when it gave none; `underlays` are the
    names of those that may carry it (MEF 70 SWVC List of UCSs), empty when any may. `carrier` is the one of them that
    was chosen when the order was accepted, and `wan_ports` are its ports at the uCPEs, by these.
    """

    identifier: str
    service_type: ServiceType
    end_points: tuple[EndPoint, ...]
    locked: bool = False
    mtu: int = 1400
    listed_end_points: tuple[str, ...] = ()
    reserved_prefixes: tuple[str, ...] = ()
    applications: tuple[Application, ...] = ()
    policies: tuple[Policy, ...] = ()
    mappings: tuple[PolicyAssignment, ...] = ()
    underlays: tuple[str, ...] = ()
    carrier: str | None = None
    wan_ports: Mapping[str, str] = field(default_factory=dict)
    tapi: Mapping[str, Any] = field(default_factory=dict)


class State(StrEnum):
    """Where an order stands. The first three are work to do, which a restart takes up again."""

    ACCEPTED = "accepted"
    DEPLOYING = "deploying"
    REMOVING = "removing"
    ACTIVE = "active"
    PARTIAL = "partial"
    FAILED = "failed"
    REMOVAL_FAILED = "removal-failed"
    LOCKED = "locked"


UNFINISHED = frozenset({State.ACCEPTED, State.DEPLOYING, State.REMOVING})
CARRIED_OUT = frozenset({State.ACTIVE, State.LOCKED})
ON_ITS_WAY_OUT = frozenset({State.REMOVING, State.REMOVAL_FAILED})


@dataclass(frozen=True)
class EndPointState:
    """How the last work ended at one end point; `error` says why it is not working, or has not gone from its uCPE."""

    working: bool
    error: str | None = None
    ucpe: str = ""


@dataclass(frozen=True)
class Service:
    """An SWVC with its life so far; `tenant` owns it, empty: none in particular.

    `generation` counts accepted changes: work that ends for an older generation does not decide the state.
    `end_points` maps an end point's identifier to how the last work ended there, those that should have gone too.
    """

    id: str
    swvc: Swvc
    state: State
    generation: int
    created: datetime
    changed: datetime
    error: str | None = None
    end_points: Mapping[str, EndPointState] = field(default_factory=dict)
    tenant: str = ""

    @property
    def installed(self) -> bool:
        """True when the service carries traffic between at least two end points, also while it is being changed."""
        gone = self.state in ON_ITS_WAY_OUT or self.state is State.LOCKED
        return not gone and sum(state.working for state in self.end_points.values()) > 1
