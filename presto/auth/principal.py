"""The authenticated client of a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A client whose token was verified: what it may do here, and for which tenant; None: the operator, for all.

    `ends` is when the token does, in seconds since 1970.
    """

    client: str
    tenant: str | None
    scopes: frozenset[str]
    ends: float
