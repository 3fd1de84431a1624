"""The Presto server of a run: in this process, on a port of its own, gone with the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app
from scenarios.file.format import Scenario


@contextmanager
def api_server(inventory: Path, database: Path, scenario: Scenario | None = None) -> Iterator[str]:
    """Serve the uCPEs of *inventory* for the length of the block; yields the base URL.

    *scenario* chooses what an operator would: products, how gateways prove who they are, inputs of templates.
    Gateways hand out their keys: they protect nothing but the lab, and ``wire.decrypts`` opens captures with them.
    """
    app = build_app(inventory, str(database), settings(scenario))
    with BackgroundServer(app) as server:
        yield server.url


def settings(scenario: Scenario | None = None) -> Settings:
    """Return what the server of a run is set up with."""
    if scenario is None:
        return Settings(export_keys=True)
    return Settings(
        authentication=scenario.authentication,
        export_keys=True,
        products=scenario.products,
        inputs=scenario.inputs,
    )
