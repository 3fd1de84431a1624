"""The Presto server of a run: in this process, on a port of its own, gone with the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app


@contextmanager
def api_server(
    inventory: Path, database: Path, products: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[str]:
    """Serve the uCPEs of *inventory* for the length of the block; yields the base URL.

    *products* says which product serves a kind of VNF on a uCPE, in place of the template's: uCPE → kind → product.
    Gateways hand out their keys: they protect nothing but the lab, and ``wire.decrypts`` opens captures with them.
    """
    app = build_app(inventory, str(database), Settings(export_keys=True, products=products or {}))
    with BackgroundServer(app) as server:
        yield server.url
