"""The API over the real orchestrator and uCPEs in memory, in a process of its own, for load and for crashes.

`python -m benchmarks.presto_server DATABASE --sites N` prints its base URL when it answers.
"""

from __future__ import annotations

import argparse
import logging
import signal
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from benchmarks.memory import memory_orchestrator
from orchestrator.process.parent import OrchestratorProcess
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.store import Store as OrchestratorStore
from presto.notify.settings import NotifySettings
from presto.persistence.store import Store
from presto.persistence.tables import open_engine, orchestrator_url
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer

_ENDS = {signal.SIGINT, signal.SIGTERM}


def memory_app(database: str, sites: int, state: Path | None = None, delay: float = 0.0) -> FastAPI:
    """As `presto.web.server.build_app`, with the driver exchanged; `state` is where the uCPEs keep theirs.

    Each call to one takes `delay` seconds.
    """
    inventory, engine = memory_inventory(sites), open_engine(database)
    url = orchestrator_url(engine)
    make = partial(memory_orchestrator, url, state, delay)
    orchestrator = OrchestratorProcess(inventory, OrchestratorStore(url), make)
    orchestrator.start()
    # Subscribers of benchmarks are on this machine, and come back within seconds.
    notifications = NotifySettings(development=True, first_delay=0.05, longest_delay=0.5)
    return create_app(Core(inventory, Store(engine), orchestrator), notifications=notifications)


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database")
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, help="file of the uCPEs' state, which then outlives the server")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that each call to a uCPE takes")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    app = memory_app(options.database, options.sites, options.state, options.delay)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    with BackgroundServer(app, port=options.port) as server:
        print(server.url, flush=True)
        signal.sigwait(_ENDS)


if __name__ == "__main__":
    main()
