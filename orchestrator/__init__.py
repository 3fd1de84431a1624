"""The orchestrator: TOSCA templates become firewall, statistics and IPsec VNFs, chained on customers' uCPEs.

`Orchestrator` loads Docker, OpenFlow and database libraries, so it is imported only when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.inventory import Inventory, Ucpe, Uni, load_inventory
from orchestrator.model import (
    Conflict,
    DeploymentRequest,
    OrchestratorError,
    RequestError,
    Result,
    ServiceEvent,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    TemplateError,
    UcpeError,
    UnknownService,
    UnknownTemplate,
    UnknownUcpe,
)

if TYPE_CHECKING:
    from orchestrator.service import Orchestrator

__all__ = [
    "Conflict",
    "DeploymentRequest",
    "Inventory",
    "Orchestrator",
    "OrchestratorError",
    "RequestError",
    "Result",
    "ServiceEvent",
    "ServiceObservation",
    "ServiceOutcome",
    "ServiceRequest",
    "TemplateError",
    "Ucpe",
    "UcpeError",
    "Uni",
    "UnknownService",
    "UnknownTemplate",
    "UnknownUcpe",
    "load_inventory",
]


def __getattr__(name: str) -> Any:
    if name == "Orchestrator":
        from orchestrator.service import Orchestrator  # noqa: PLC0415  # costs half a second

        return Orchestrator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
