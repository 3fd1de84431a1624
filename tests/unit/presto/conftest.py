"""An application over an in-memory network that behaves like the orchestrator, and a good order to start from."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import (
    ContainerObservation,
    DeploymentObservation,
    DeploymentOutcome,
    DeploymentRequest,
    EventListener,
    OrchestratorError,
    Result,
    ServiceEvent,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    SiteMeasurement,
    UnknownService,
    VnfObservation,
)
from orchestrator.store import StoredService
from orchestrator.tosca import Catalogue
from orchestrator.ucpe.health import EndpointHealth, UcpeHealth
from presto.domain.settings import Settings
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app

ORDER = json.loads((Path(__file__).parent / "order.json").read_text(encoding="utf-8"))


def make_inventory(sites: int = 4) -> Inventory:
    names = [f"site-{chr(ord('a') + number)}" for number in range(sites)]
    return Inventory.model_validate(
        {
            "ucpes": [
                {
                    "id": name,
                    "docker": f"tcp://172.30.1.{number}:2376",
                    "ovsdb": f"ssl:172.30.1.{number}:6640",
                    "openflow": f"ssl:172.30.1.{number}:6653",
                    "bridge": "br-ucpe",
                    "wan": [{"port": "wan0", "underlay": "internet", "address": f"198.51.100.{number}/24"}],
                }
                for number, name in enumerate(names, 1)
            ],
            "unis": [
                {
                    "id": f"0000000{number}-0000-4000-8000-000000000000",
                    "name": f"{name}-lan0",
                    "ucpe": name,
                    "port": "lan0",
                    "prefix": f"10.{number}.0.0/24",
                    "provider_address": f"10.{number}.0.1",
                }
                for number, name in enumerate(names, 1)
            ],
        }
    )


class MemoryNetwork:
    """Keeps what was asked for. `gate` holds work up while it is cleared; `faults` are raised or returned once.

    Like the orchestrator it compares with what it has, knows no services but those it deployed, and is asked for one
    service at a time only: a second call while one runs is a fault of the caller.

    What is observed: every tunnel of a deployed service is up, except towards the uCPEs in `cut`; the uCPEs in
    `unreachable` cannot be read; nothing is answered while `sight` is cleared.

    What is measured: echoes come back after 10, 11, 12 … ms, except from and to the uCPEs in `cut`.
    """

    def __init__(self) -> None:
        self.deployed: dict[str, ServiceRequest] = {}
        self.calls: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.faults: list[OrchestratorError | Exception | dict[str, str]] = []
        self._busy: set[str] = set()
        self.most_at_once = 0
        self.cut: set[str] = set()
        self.unreachable: set[str] = set()
        self.sight = asyncio.Event()
        self.sight.set()
        self.looks: list[str] = []
        self.gateways: list[str] = []
        self.measured: list[tuple[str, dict[str, dict[str, str]], int]] = []

    async def heal(self, on_event: EventListener | None = None) -> None:
        await asyncio.Event().wait()

    async def observe(self, service_id: str) -> ServiceObservation:
        self.looks.append(service_id)
        await self.sight.wait()
        if service_id not in self.deployed:
            raise UnknownService(f"there is no service {service_id}")
        request = self.deployed[service_id]
        return ServiceObservation(service_id, request.name, 1, tuple(map(self._site, request.deployments)))

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        self.gateways.append(ucpe)
        await self.sight.wait()
        if service_id not in self.deployed:
            raise UnknownService(f"there is no service {service_id}")
        return next(self._site(end) for end in self.deployed[service_id].deployments if end.ucpe == ucpe)

    def _site(self, end: DeploymentRequest) -> DeploymentObservation:
        if end.ucpe in self.unreachable:
            return DeploymentObservation(end.ucpe, end.template, problem=f"{end.ucpe}: docker: no answer in time")
        container = ContainerObservation("c1", f"{end.ucpe}-ipsec", "lso/vnf-strongswan", "running", 0, None)
        peers = [self._peer(end.ucpe, peer["name"]) for peer in end.inputs["peers"]]
        status = {"kind": "ipsec", "ready": True, "peers": peers}
        return DeploymentObservation(end.ucpe, end.template, (VnfObservation("ipsec", "ipsec", 3, container, status),))

    def _peer(self, own: str, peer: str) -> dict[str, Any]:
        if {own, peer} & self.cut:
            return {"name": peer, "ike": None, "children": []}
        return {"name": peer, "ike": {"state": "ESTABLISHED"}, "children": [{"name": "net", "state": "INSTALLED"}]}

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        self.measured.append((service_id, {own: dict(peers) for own, peers in targets.items()}, echoes))
        await self.sight.wait()
        if service_id not in self.deployed:
            raise UnknownService(f"there is no service {service_id}")
        return tuple(self._measured(own, peers, echoes) for own, peers in targets.items())

    def _measured(self, own: str, peers: Mapping[str, str], echoes: int) -> SiteMeasurement:
        if own in self.unreachable:
            return SiteMeasurement(own, problem=f"{own}: docker: no answer in time")
        times = tuple(10.0 + number for number in range(echoes))
        lost = (None,) * echoes
        return SiteMeasurement(own, {peer: lost if {own, peer} & self.cut else times for peer in peers})

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        failing = await self._work("deploy", request.id, on_event)
        before = self.deployed.get(request.id)
        same = before == request
        there = {end.ucpe for end in request.deployments}
        leaving = [end.ucpe for end in before.deployments if end.ucpe not in there] if before else []
        ends = tuple(
            DeploymentOutcome(end.ucpe, Result.ROLLED_BACK, error=failing[end.ucpe])
            if end.ucpe in failing
            else DeploymentOutcome(end.ucpe, Result.UNCHANGED if same else Result.APPLIED)
            for end in request.deployments
        )
        ends += tuple(_removed(name, failing) for name in leaving)
        self.deployed[request.id] = request
        whole = Result.ROLLED_BACK if failing else Result.UNCHANGED if same else Result.APPLIED
        return ServiceOutcome(request.id, 1, whole, ends, 0.0)

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        failing = await self._work("remove", service_id, on_event)
        if service_id not in self.deployed:
            raise UnknownService(f"there is no service {service_id}")
        ucpes = [end.ucpe for end in self.deployed[service_id].deployments]
        if failing:
            ends = tuple(_removed(name, failing) for name in ucpes)
            return ServiceOutcome(service_id, 1, Result.INCONSISTENT, ends, 0.0)
        del self.deployed[service_id]
        ends = tuple(DeploymentOutcome(name, Result.REMOVED) for name in ucpes)
        return ServiceOutcome(service_id, 1, Result.REMOVED, ends, 0.0)

    catalogue = Catalogue()

    def use(self, inventory: Inventory) -> None:
        self.inventory = inventory

    def carried(self, ucpe: str) -> tuple[str, ...]:
        services = self.deployed.values()
        return tuple(one.name for one in services if ucpe in {end.ucpe for end in one.deployments})

    def services(self) -> tuple[StoredService, ...]:
        return tuple(
            StoredService(one.id, one.name, 1, {}, {end.ucpe: "applied" for end in one.deployments})
            for one in self.deployed.values()
        )

    async def health(self, ucpe: Ucpe) -> UcpeHealth:
        """As the real one says it, of uCPEs that answer unless they are in `unreachable`."""
        problem = "no answer within 3 s" if ucpe.id in self.unreachable else None
        version = None if problem else "1"
        docker, openflow = (
            EndpointHealth(name, getattr(ucpe, name), 0.001, version, problem=problem)
            for name in ("docker", "openflow")
        )
        ovsdb = replace(docker, protocol="ovsdb", address=ucpe.ovsdb, ports=("br-ucpe", "lan0", "wan0"))
        return UcpeHealth(ucpe.id, docker, ovsdb, openflow)

    def close(self) -> None:
        pass

    async def asked(self, times: int) -> None:
        """Wait until that many calls came."""
        async with asyncio.timeout(60):
            while len(self.calls) < times:
                await asyncio.sleep(0.002)

    async def _work(self, verb: str, service_id: str, on_event: EventListener | None) -> dict[str, str]:
        assert service_id not in self._busy, "two pieces of work for one service at once"
        self._busy.add(service_id)
        self.most_at_once = max(self.most_at_once, len(self._busy))
        try:
            self.calls.append((verb, service_id))
            if on_event:
                on_event(ServiceEvent(service_id, "containers", "starting containers", 0.0, ucpe="site-a"))
            await self.gate.wait()
            fault = self.faults.pop(0) if self.faults else {}
            if isinstance(fault, Exception):
                raise fault
            return fault
        finally:
            self._busy.discard(service_id)


def _removed(ucpe: str, failing: dict[str, str]) -> DeploymentOutcome:
    if ucpe in failing:
        return DeploymentOutcome(ucpe, Result.INCONSISTENT, error=failing[ucpe])
    return DeploymentOutcome(ucpe, Result.REMOVED)


class Client:
    """Calls operations by name."""

    def __init__(self, http: httpx.AsyncClient, network: MemoryNetwork, core: Core) -> None:
        self.http, self.network, self.core = http, network, core

    async def call(self, operation: str, values: dict[str, Any] | None = None) -> httpx.Response:
        content = None if values is None else json.dumps({"input": values})
        headers = {"content-type": "application/yang-data+json"} if content else {}
        return await self.http.post(f"/restconf/operations/{operation}/", content=content, headers=headers)

    async def service(self, name: str) -> dict[str, Any]:
        answer = await self.call("get-connectivity-service-details", {"service-id-or-name": name})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["output"]["service"]
        return found

    async def until(self, name: str, state: str) -> dict[str, Any]:
        """The service once it has come to that state, and its tunnels stand unless something hinders them."""
        hindered = self.network.cut or self.network.unreachable or not self.network.sight.is_set()
        async with asyncio.timeout(60):
            while (found := await self.service(name)) and (
                pairs(found)["lso-state"] != state or ("lso-missing" in pairs(found) and not hindered)
            ):
                await asyncio.sleep(0.002)
        return found

    async def until_gone(self, name: str) -> None:
        async with asyncio.timeout(60):
            while (
                await self.call("get-connectivity-service-details", {"service-id-or-name": name})
            ).status_code != 404:
                await asyncio.sleep(0.002)


def pairs(thing: dict[str, Any]) -> dict[str, str]:
    return {pair["value-name"]: pair["value"] for pair in thing.get("name", [])}


@pytest.fixture(name="pairs")
def _pairs() -> Callable[[dict[str, Any]], dict[str, str]]:
    return pairs


@pytest.fixture
def order() -> dict[str, Any]:
    """A fresh copy of a good order of two sites."""
    return copy.deepcopy(ORDER)


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    return make_inventory()


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of the database, when it is SQLite."""
    return tmp_path / "lso.db"


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and nothing in them, to be copied: making them takes longer than most tests."""
    file = tmp_path_factory.mktemp("tables") / "lso.db"
    open_engine(str(file)).dispose()
    return file


@pytest.fixture
def new_core(inventory: Inventory, network: MemoryNetwork, database_url: str, tables: Path) -> Callable[..., Core]:
    def make(settings: Settings | None = None, **changes: Any) -> Core:
        address = make_url(database_url)
        if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
            shutil.copy(tables, str(address.database))
        engine = open_engine(database_url)
        return Core(changes.get("inventory", inventory), Store(engine), network, settings, changes.get("assignments"))

    return make


@asynccontextmanager
async def serving(core: Core, network: MemoryNetwork) -> AsyncIterator[Client]:
    """A client of a server that lives as long as the context."""
    app = create_app(core)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        yield Client(http, network, core)
        network.gate.set()
        network.sight.set()


@pytest_asyncio.fixture
async def client(new_core: Callable[..., Core], network: MemoryNetwork) -> AsyncIterator[Client]:
    async with serving(new_core(), network) as found:
        yield found


@pytest.fixture(scope="module")
def lasting_core(
    inventory: Inventory, tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Core, MemoryNetwork]]:
    """Makes what all cases of a module can share that leave it as it was: they are refused, or only ask.

    Their tests run in the loop of the module: `pytest.mark.asyncio(loop_scope="module")`.
    """

    def make(assignments: Any = None) -> tuple[Core, MemoryNetwork]:
        file = shutil.copy(tables, tmp_path_factory.mktemp("lasting") / "lso.db")
        network = MemoryNetwork()
        return Core(inventory, Store(open_engine(str(file))), network, None, assignments), network

    return make


@pytest.fixture(scope="module")
def lasting(
    lasting_core: Callable[..., tuple[Core, MemoryNetwork]],
) -> Callable[[], AbstractAsyncContextManager[Client]]:
    """Makes servers that all cases of a module can share."""
    return lambda: serving(*lasting_core())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_client(lasting: Callable[[], AbstractAsyncContextManager[Client]]) -> AsyncIterator[Client]:
    """The client of a server without services, which has none after the last case either."""
    async with lasting() as found:
        yield found
        assert (await found.call("get-connectivity-service-list")).json() == {"output": {"service": []}}
        assert found.network.calls == []
