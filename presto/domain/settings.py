"""What the operator of the server chooses for all services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

KEPT = timedelta(hours=24)
"""How long answers are kept, unless the operator chooses otherwise."""

Authentication = Literal["certificate", "psk"]


@dataclass(frozen=True)
class Settings:
    """`template` is the orchestrator's site template, `authentication` how IKE peers prove who they are.

    `products` says which product serves a kind of VNF on a uCPE, in place of the template's: uCPE → kind → product.
    `inputs` are values of the template's inputs on a uCPE, uCPE → input → value, in place of what the service comes to:
    a mapping changes the members that it names, of a list those of each item.
    `export_keys` lets the IPsec gateways hand out their keys, to open captures; for laboratories only. `strict` makes
    the RESTCONF API exactly what is published, without what it has beside that.
    With `unique_external_ids` an order with the external id of an earlier one is that one.
    `answers_kept` is how long a request is known by its `Idempotency-Key`.
    """

    template: str = "poc-site"
    authentication: Authentication = "certificate"
    export_keys: bool = False
    strict: bool = False
    unique_external_ids: bool = False
    answers_kept: timedelta = KEPT
    products: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
