"""The northbound API: orders for SD-WAN services over HTTP, carried out by the orchestrator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from presto.app import create_app
    from presto.core.core import Core
    from presto.core.settings import Settings

__all__ = ["Core", "Settings", "create_app"]
_HOMES = {"Core": "presto.core.core", "Settings": "presto.core.settings", "create_app": "presto.app"}


def __getattr__(name: str) -> Any:
    """Load a name when it is used: the client must not wait for the server's libraries."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
