"""The northbound API: orders for SD-WAN services over HTTP, carried out by the orchestrator."""

from __future__ import annotations

from presto.app import create_app
from presto.core.core import Core
from presto.core.settings import Settings

__all__ = ["Core", "Settings", "create_app"]
