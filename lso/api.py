"""The Presto server of a run: in this process, on a port of its own, gone with the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app


@contextmanager
def api_server(inventory: Path, database: Path) -> Iterator[str]:
    """Serve the uCPEs of *inventory* for the length of the block; yields the base URL.

    Gateways hand out their keys: they protect nothing but the lab, and ``wire.decrypts`` opens captures with them.
    """
    app = build_app(inventory, str(database), Settings(export_keys=True))
    with BackgroundServer(app) as server:
        yield server.url
