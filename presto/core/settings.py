"""What the operator of the server chooses for all services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Authentication = Literal["certificate", "psk"]


@dataclass(frozen=True)
class Settings:
    """`template` is the orchestrator's site template, `authentication` how IKE peers prove who they are.

    `export_keys` lets the IPsec gateways hand out their keys, to open captures; for laboratories only. `strict` makes
    the RESTCONF face exactly what is published, without what it has beside that.
    """

    template: str = "poc-site"
    authentication: Authentication = "certificate"
    export_keys: bool = False
    strict: bool = False
