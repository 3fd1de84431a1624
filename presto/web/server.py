"""Serving the API: blocking for the command line, or in a thread of its own for tests and scenarios.

Without authentication the server binds to loopback addresses only, and with it to others only under TLS.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from common.database import DatabaseError
from orchestrator.inventory import Inventory, load_inventory
from orchestrator.model import RequestError, StoreError, UnknownProduct, UnknownUcpe
from orchestrator.process.parent import OrchestratorProcess
from orchestrator.service import Orchestrator
from orchestrator.store import Store as OrchestratorStore
from orchestrator.tosca import Catalogue
from presto.auth.access import Access, Tls
from presto.auth.security import load_security
from presto.domain.settings import Settings
from presto.notify.settings import NotifySettings
from presto.persistence.database_lock import DatabaseLock
from presto.persistence.store import Store
from presto.persistence.tables import open_engine, orchestrator_url
from presto.service.core import STOP_TIMEOUT, Core
from presto.web import garbage
from presto.web.app import create_app
from presto.web.bounded import Acceptor
from presto.web.connections import Bounds, Gate, places
from presto.web.guards import LOOPBACK_HOSTS

log = logging.getLogger(__name__)

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8181
START_TIMEOUT = 30.0
SWITCH_SECONDS = 0.0005
"""For which a thread keeps the interpreter that others wait for: with Python's 5 ms, work waits for reads too long."""
_SAFE = (("X-Content-Type-Options", "nosniff"),)
_SAFE_WITH_TLS = (("Strict-Transport-Security", "max-age=31536000"),)
DEVELOPMENT = NotifySettings(development=True)
"""Who can order here is on this machine and can reach its addresses anyway."""


_NO_ISSUER = "OAuth clients behind the proxy find no https issuer: give the URL that they use as issuer in {file}"


class ServerFailed(Exception):
    """The server did not start or did not stop."""


def build_app(
    inventory: Path,
    database: str,
    settings: Settings | None = None,
    say: Callable[[str], object] = log.info,
    notifications: NotifySettings = DEVELOPMENT,
    access: Access | None = None,
    host: str = DEFAULT_HOST,
) -> FastAPI:
    """The application over the orchestrator, which gets a process of its own.

    `database` is a SQLAlchemy URL or the path of a SQLite file. Its tables are made, or upgraded to what this version
    needs; `say` is told.
    Raises InventoryError when the inventory is wrong, RequestError when the settings name what there is not, StoreError
    when the database cannot be used (all of orchestrator.model), AccessWrong when the clients file or the signing key
    is wrong.
    """
    enrolled, settings, access = load_inventory(inventory), settings or Settings(), access or Access()
    _check(settings, enrolled)
    hosts = LOOPBACK_HOSTS | access.hosts(host)
    security = load_security(access.clients, database, access.limits, hosts) if access.clients else None
    if security and access.plain and not security.clients.file.issuer:
        say(_NO_ISSUER.format(file=access.clients))
    engine = _open(database, say)
    url = orchestrator_url(engine)
    orchestrator = OrchestratorProcess(enrolled, OrchestratorStore(url, say), partial(Orchestrator, store=url))
    orchestrator.start()
    assignments = security.clients.assignments(enrolled) if security else None
    core = Core(enrolled, Store(engine), orchestrator, settings, assignments)
    return create_app(core, hosts=hosts, notifications=notifications, security=security)


def _check(settings: Settings, inventory: Inventory) -> None:
    """That there is all that the settings name. Raises RequestError with all that there is not."""
    catalogue, faults = Catalogue(), list[str]()
    try:
        catalogue.template(settings.template)
    except RequestError as error:
        faults.append(str(error))
    for ucpe, products in settings.products.items():
        faults += _product_faults(catalogue, inventory, ucpe, products)
    if faults:
        raise RequestError("\n".join(faults))


def _product_faults(
    catalogue: Catalogue, inventory: Inventory, ucpe: str, products: Mapping[str, str]
) -> Iterator[str]:
    try:
        inventory.ucpe(ucpe)
    except UnknownUcpe as error:
        yield str(error)
    for kind, name in products.items():
        try:
            catalogue.product(kind, name)
        except UnknownProduct as error:
            yield f"{ucpe}:{kind}: {error}"


def _open(database: str, say: Callable[[str], object]) -> Engine:
    """The database, for this server alone until the engine is given up. Raises StoreError."""
    try:
        lock = DatabaseLock(database)
        lock.acquire()
        try:
            engine = open_engine(database, say)
        except BaseException:
            lock.release()
            raise
    except DatabaseError as error:
        raise StoreError(str(error)) from error
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise StoreError(f"cannot open the database: {getattr(error, 'orig', None) or error}") from error
    lock.release_with(engine)
    return engine


def serve(
    inventory: Path,
    database: str,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    ready: Callable[[str], None] | None = None,
    say: Callable[[str], object] = log.info,
    notifications: NotifySettings = DEVELOPMENT,
    access: Access | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM, SIGHUP or SIGQUIT; `ready` is called with the base URL once requests are answered.

    Port 0 takes a free one. Raises UnsafeBinding for addresses that are not safe to be reached at, TlsUnusable,
    OSError when the address is taken, and what `build_app` raises.
    """
    access = access or Access()
    listener = _bind(host, port, access)
    with listener:
        app = build_app(inventory, database, settings, say, notifications, access, host)
        server = _Server(app, lambda: ready and ready(_url(listener, access.tls)), access)
        server.run(sockets=[listener])


class BackgroundServer:
    """The application on a port of its own in a thread: `start` returns when it answers, `stop` when it is gone."""

    def __init__(
        self,
        app: FastAPI,
        host: str = DEFAULT_HOST,
        port: int = 0,
        tls: Tls | None = None,
        bounds: Bounds | None = None,
        proxies: tuple[IPv4Network | IPv6Network, ...] = (),
    ) -> None:
        access, self._tls = Access(tls=tls, proxies=proxies), tls
        self._bind = partial(_bind, host, port, access)
        self._changed = threading.Event()
        self._server = _Server(app, self._changed.set, access, bounds)
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> str:
        """Returns the base URL. Raises ServerFailed, and what `serve` raises for an address."""
        listener = self._bind()
        self.url = _url(listener, self._tls)
        self._thread = threading.Thread(target=self._run, args=[listener], name="presto", daemon=True)
        self._thread.start()
        if not (self._changed.wait(START_TIMEOUT) and self._server.started):
            self.stop()
            raise ServerFailed("the server did not start; its log says why")
        return self.url

    def stop(self) -> None:
        """Ends the server; orders under way get a moment, then wait for the next start. Raises ServerFailed."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join(STOP_TIMEOUT + START_TIMEOUT)
            if self._thread.is_alive():
                raise ServerFailed("the server did not stop")

    def _run(self, listener: socket.socket) -> None:
        try:
            with listener:
                self._server.run(sockets=[listener])
        finally:
            self._changed.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """Tells when it has started."""

    def __init__(
        self, app: FastAPI, started: Callable[[], object], access: Access, bounds: Bounds | None = None
    ) -> None:
        tls = access.tls
        self._gate = Gate(bounds or Bounds(connections=places()))
        self._acceptor = Acceptor(self._gate, tls.context() if tls else None)
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(access.proxies),
                forwarded_allow_ips=access.believed,
                timeout_graceful_shutdown=5,
                lifespan="on",
                headers=[*_SAFE, *(_SAFE_WITH_TLS if tls else ())],
            )
        )
        self._on_start = started
        self._on_shutdown: Callable[[], object] = getattr(getattr(app, "state", None), "closing", lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        await super().startup([])
        if self.started:
            for listener in sockets or []:
                self._acceptor.start(listener, self.config, self.server_state, self.lifespan.state)
            garbage.spare()
            self._on_start()

    async def on_tick(self, counter: int) -> bool:
        if counter % 5 == 0:
            self._gate.tick(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        with self._asked_by_signals():
            super().run(sockets)

    @contextmanager
    def _asked_by_signals(self) -> Iterator[None]:
        """As long as there is a loop, which an exception out of a handler would leave in the middle of anything."""
        ours = threading.current_thread() is threading.main_thread()
        former = {number: signal.signal(number, self.handle_exit) for number in _endings() if ours}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are, and to be asked to end is no fault: none is raised once more."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._acceptor.stop()
        self._on_shutdown()
        self._gate.say(asyncio.get_running_loop().time())
        garbage.unspare()
        await super().shutdown(sockets)


def _endings() -> list[signal.Signals]:
    """The signals that ask for the end; the last two not where they are ignored, as under nohup."""
    others = [number for number in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(number) is not signal.SIG_IGN]
    return [signal.SIGINT, signal.SIGTERM, *others]


def _bind(host: str, port: int, access: Access) -> socket.socket:
    """A listening socket's base; every address that the host name stands for must be safe to be reached at."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    access.check_binding(host, [str(entry[4][0]) for entry in found])
    if access.tls:
        access.tls.context()
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket, tls: Tls | None) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
