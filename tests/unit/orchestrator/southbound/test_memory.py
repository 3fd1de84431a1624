"""The in-memory driver under the real orchestrator: real templates, plans and store, uCPEs that answer in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.intent import SiteIntent
from orchestrator.model import Conflict, DeploymentRequest, Result, ServiceRequest, UcpeRefused
from orchestrator.service import Orchestrator
from orchestrator.southbound.docker import ContainerSpec, NetworkSpec
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import MAX_SITES, memory_inventory
from orchestrator.southbound.ports import InternalPort
from orchestrator.tosca.catalogue import NO_CHOICE, Catalogue

SERVICE, OTHER = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
SITE_A, SITE_B = "site-00001", "site-00002"
INVENTORY = memory_inventory(3)


@pytest.fixture
def southbound() -> MemorySouthbound:
    return MemorySouthbound(INVENTORY)


@pytest.fixture
def orchestrator(southbound: MemorySouthbound, tmp_path: Path) -> Orchestrator:
    return Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=southbound.connect)


@pytest.fixture
def request_of(site_inputs: Any) -> Callable[..., ServiceRequest]:
    def make(service: str = SERVICE, **changes: Any) -> ServiceRequest:
        deployments = [DeploymentRequest(site, "poc-site", site_inputs(**changes)) for site in (SITE_A, SITE_B)]
        return ServiceRequest(service, "acme", tuple(deployments))

    return make


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await work

    return asyncio.run(main())


def shape(southbound: MemorySouthbound, site: str = SITE_A) -> tuple[int, int, int, int]:
    """Containers that run, networks, ports and rules."""
    state = southbound.state(site)
    running = [vnf for vnf in state.vnfs.values() if vnf.entry.state == "running"]
    return len(running), len(state.networks), len(state.ports), len(state.rules)


EMPTY, CHAIN = (0, 0, 2, 0), (3, 6, 8, 8)


def test_life_of_a_service(orchestrator: Orchestrator, southbound: MemorySouthbound, request_of: Any) -> None:
    assert run(orchestrator.deploy(request_of())).result is Result.APPLIED
    assert shape(southbound) == shape(southbound, SITE_B) == CHAIN
    assert run(orchestrator.deploy(request_of())).result is Result.UNCHANGED
    seen = run(orchestrator.observe(SERVICE))
    assert [(site.problem, site.differences) for site in seen.deployments] == [(None, ()), (None, ())]
    (ipsec,) = [vnf for vnf in seen.deployments[0].vnfs if vnf.kind == "ipsec"]
    assert run(orchestrator.gateway(SERVICE, SITE_A)).vnfs == (ipsec,)
    digests = {name: vnf.intent_sha256 for name, vnf in southbound.state(SITE_A).vnfs.items()}
    assert run(orchestrator.deploy(request_of(firewall_rules=[]))).result is Result.APPLIED
    changed = {name for name, vnf in southbound.state(SITE_A).vnfs.items() if vnf.intent_sha256 != digests[name]}
    assert changed == {"11111111-firewall"}, "only the firewall got another intent"
    assert run(orchestrator.remove(SERVICE)).result is Result.REMOVED
    assert shape(southbound) == EMPTY
    assert run(orchestrator.gateway(SERVICE, SITE_A)).vnfs == ()


@pytest.mark.parametrize(
    "call", ["connect", "require_image", "add_ports", "create_network", "create_container", "start", "run", "commit"]
)
def test_a_fault_at_one_site_leaves_nothing_there(
    orchestrator: Orchestrator, southbound: MemorySouthbound, request_of: Any, call: str
) -> None:
    southbound.fail(SITE_B, call, "no more memory")
    outcome = run(orchestrator.deploy(request_of()))
    ended = {end.ucpe: (end.result, end.error) for end in outcome.deployments}
    assert ended[SITE_A] == (Result.APPLIED, None)
    assert ended[SITE_B][0] is Result.ROLLED_BACK
    assert "no more memory" in str(ended[SITE_B][1])
    assert (shape(southbound), shape(southbound, SITE_B)) == (CHAIN, EMPTY)
    assert run(orchestrator.deploy(request_of())).succeeded
    assert shape(southbound, SITE_B) == CHAIN


class OtherImages(Catalogue):
    """The real catalogue, with another release of every VNF: their containers must be made anew."""

    def compile(self, name: str, inputs: Any, products: Any = NO_CHOICE) -> SiteIntent:
        site = super().compile(name, inputs, products)
        return replace(site, vnfs=tuple(replace(vnf, image=f"{vnf.image}:next") for vnf in site.vnfs))


def test_a_vnf_that_the_undoing_makes_anew_has_its_former_intent(
    orchestrator: Orchestrator, southbound: MemorySouthbound, request_of: Any, tmp_path: Path
) -> None:
    def intents() -> dict[str, str | None]:
        return {name: vnf.intent_sha256 for name, vnf in southbound.state(SITE_A).vnfs.items()}

    run(orchestrator.deploy(request_of()))
    before = intents()
    southbound.fail(SITE_A, "commit", "the bundle is refused")
    later = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", OtherImages(), southbound.connect)
    outcome = run(later.deploy(request_of()))
    assert {end.ucpe: end.result for end in outcome.deployments}[SITE_A] is Result.ROLLED_BACK
    assert None not in before.values()
    assert intents() == before


def test_one_service_for_each_port(orchestrator: Orchestrator, request_of: Any) -> None:
    run(orchestrator.deploy(request_of()))
    with pytest.raises(Conflict, match="in use by service 11111111"):
        run(orchestrator.deploy(request_of(OTHER)))
    with pytest.raises(Conflict, match="same first eight digits"):
        run(orchestrator.deploy(request_of(f"{SERVICE[:-1]}6")))


def test_state_outlives_the_process(orchestrator: Orchestrator, request_of: Any, tmp_path: Path) -> None:
    file = tmp_path / "boxes.jsonl"
    first = MemorySouthbound(INVENTORY, file=file)
    orchestrator = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=first.connect)
    run(orchestrator.deploy(request_of()))
    second = MemorySouthbound(INVENTORY, file=file)
    for site in (SITE_A, SITE_B):
        before, after = first.state(site), second.state(site)
        assert (before.vnfs, before.networks, before.ports, before.rules) == (
            after.vnfs,
            after.networks,
            after.ports,
            after.rules,
        )
    again = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=second.connect)
    assert run(again.deploy(request_of())).result is Result.UNCHANGED
    assert b"PRIVATE KEY" not in file.read_bytes()


def test_refusals_of_a_real_engine_and_switch(southbound: MemorySouthbound) -> None:
    async def main() -> None:
        async with southbound.connect(INVENTORY.ucpe(SITE_A)) as uplink:
            docker, ports = uplink.docker, uplink.ports
            network = NetworkSpec("n", "p", "100.64.0.0/30", "100.64.0.1", {})
            container = ContainerSpec("c", "i", (), (), {}, {}, {"n": "100.64.0.2"})
            await refused(docker.create_network(network), "invalid subinterface")
            await ports.add([InternalPort("p", 1400, {})])
            await refused(ports.add([InternalPort("p", 1400, {})]), "exists")
            await refused(docker.create_container(container), "network n not found")
            await docker.create_network(network)
            await refused(docker.create_network(network), "already exists")
            await docker.create_container(container)
            await refused(docker.create_container(container), "already in use")
            await refused(docker.run("c", ["/vnf/status"]), "not running")
            await refused(docker.remove_network("n"), "active endpoints")

    async def refused(work: Awaitable[object], why: str) -> None:
        with pytest.raises(UcpeRefused, match=why):
            await work

    asyncio.run(main())


def test_inventories_of_any_size() -> None:
    inventory = memory_inventory(3000)
    assert inventory.uni("site-02999-lan0") is inventory.unis[2998]
    assert inventory.uni(inventory.unis[5].id) is inventory.unis[5]
    assert not inventory.unis[1023].prefix.overlaps(inventory.unis[1024].prefix)
    for wrong in (0, MAX_SITES + 1):
        with pytest.raises(ValueError, match="choose 1 to"):
            memory_inventory(wrong)
