"""`/vnfCatalog` and `/vnfChain`: the VNFs that can be used, and those that stand in the chains of services."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from orchestrator.model import DeploymentObservation, OrchestratorError, VnfObservation
from orchestrator.plan.trace import follow
from orchestrator.tosca.products import VnfProduct
from presto.domain.model import Service
from presto.domain.tunnels import Seen, Site, sites
from presto.extensions.problems import Refused, declared
from presto.service.core import Core
from presto_api.wire import Wire

ServiceName = Annotated[str | None, Query(description="Only of the service of that id or name", max_length=64)]
EdgeName = Annotated[str | None, Query(description="Only on that uCPE", max_length=64)]


class Product(Wire):
    """A VNF that a vendor offers, by its descriptor; its image carries the same as labels."""

    name: str = Field(description="What it is chosen by", examples=["example"])
    node_type: str = Field(description="Its TOSCA node type", examples=["lso.vnf.Example"])
    kind: str = Field(description="What it is for", examples=["ipsec"])
    description: str
    image: str = Field(examples=["lso/vnf-example"])
    labels: dict[str, str] = Field(description="Labels of the image")
    linux_capabilities: list[str]
    devices: list[str]
    sysctls: dict[str, str]


class VnfKind(Wire):
    """A kind of VNF with the products that are of it."""

    kind: str = Field(examples=["ipsec"])
    contract: str = Field(description="Version of the VNF contract", examples=["1"])
    products: list[Product]


class VnfCatalog(Wire):
    """The VNFs that templates can use, by kind, and the templates."""

    kinds: list[VnfKind]
    templates: list[str]


class OrderedVnf(Wire):
    """A place in a chain as the template has it."""

    name: str
    kind: str
    node_type: str


class ObservedVnf(Wire):
    """A VNF as the uCPE has it."""

    name: str
    kind: str
    image: str | None
    container_state: str | None = Field(description="Docker's word", examples=["running"])
    restarts: int | None
    vendor: str | None
    version: str | None
    ready: bool | None = Field(description="Whether an intent is in force; None when it does not say")
    problem: str | None


class Chain(Wire):
    """The chain of a service on a uCPE, from LAN to WAN."""

    service: str
    service_name: str
    end_point: str
    edge: str
    template: str
    ordered: list[OrderedVnf]
    observed: list[ObservedVnf]
    path: list[str] = Field(description="Ports that a packet from the LAN passes by the rules that are in the switch")
    as_ordered: bool | None = Field(description="Whether both are the same and all is in place; None when not known")
    differences: list[str]
    problem: str | None = Field(description="Why nothing is known of it")


def vnfs_router(core: Core) -> APIRouter:
    """The operations on VNFs."""
    router = APIRouter(tags=["vnf"])

    @router.get("/vnfCatalog", operation_id="getVnfCatalog")
    async def catalog() -> VnfCatalog:
        """Kinds of VNF, the vendors' products of each, and the templates that chain them."""
        try:
            products = await asyncio.to_thread(core.catalogue.products)
        except OrchestratorError as error:
            raise Refused(500, f"A descriptor is wrong: {error}") from None
        kinds = dict.fromkeys(product.kind for product in products)
        shown = [
            VnfKind(kind=kind, contract=of_kind[0].contract, products=list(map(_product, of_kind)))
            for kind in sorted(kinds)
            if (of_kind := [product for product in products if product.kind == kind])
        ]
        return VnfCatalog(kinds=shown, templates=list(core.catalogue.names()))

    @router.get("/vnfChain", operation_id="listVnfChains", responses=declared(404, 409, 422))
    async def find(service: ServiceName = None, edge: EdgeName = None) -> list[Chain]:
        """The chain of each service on each of its uCPEs: as ordered in the template, and as observed now."""
        found = [await core.service(service)] if service is not None else await core.services()
        if edge is not None:
            core.edges.find(edge)
        seen = await core.observe(found)
        kinds = {product.node_type: product.kind for product in await asyncio.to_thread(core.catalogue.products)}
        chains = (chain for one in found for chain in _chains(core, one, seen[one.id], kinds))
        return [chain for chain in chains if edge in {None, chain.edge}]

    return router


def _product(product: VnfProduct) -> Product:
    names = ("contract", "kind", "vendor", "version")
    return Product(
        name=product.name,
        node_type=product.node_type,
        kind=product.kind,
        description=product.description,
        image=product.image,
        labels={f"lso.vnf.{name}": value for name in names if (value := getattr(product, name)) is not None},
        linux_capabilities=list(product.linux_capabilities),
        devices=list(product.devices),
        sysctls=dict(product.sysctls),
    )


def _chains(core: Core, service: Service, seen: Seen, kinds: Mapping[str, str]) -> Iterator[Chain]:
    for site in sites(service.swvc, core.inventory):
        here = seen.sites.get(site.ucpe)
        template = here.template if here and here.template else core.settings.template
        ordered = _ordered(core, template, core.settings.products.get(site.ucpe, {}), kinds)
        observed = [_observed(vnf) for vnf in here.vnfs] if here else []
        problem = seen.problem or (here.problem if here else "nothing is deployed")
        yield Chain(
            service=service.id,
            service_name=service.swvc.identifier,
            end_point=site.end_point.identifier,
            edge=site.ucpe,
            template=template,
            ordered=ordered,
            observed=observed,
            path=list(follow(here.ports, here.flows, site.uni.port)) if here and here.ports else [],
            as_ordered=None if problem or here is None else _same(ordered, observed, here, site),
            differences=list(here.differences) if here else [],
            problem=problem,
        )


def _ordered(core: Core, template: str, products: Mapping[str, str], kinds: Mapping[str, str]) -> list[OrderedVnf]:
    try:
        chain = core.catalogue.template(template, products).chain or ()
    except OrchestratorError:
        return []
    vnfs = (node for node in chain if node.type in kinds)
    return [OrderedVnf(name=node.name, kind=kinds[node.type], node_type=node.type) for node in vnfs]


def _observed(vnf: VnfObservation) -> ObservedVnf:
    status, container = vnf.status or {}, vnf.container
    return ObservedVnf(
        name=vnf.name,
        kind=vnf.kind,
        image=container.image if container else None,
        container_state=container.state if container else None,
        restarts=container.restarts if container else None,
        vendor=status.get("vendor"),
        version=status.get("version"),
        ready=status.get("ready"),
        problem=vnf.problem,
    )


def _same(ordered: list[OrderedVnf], observed: list[ObservedVnf], here: DeploymentObservation, site: Site) -> bool:
    """The same VNFs in the same order, all ready, and packets that really pass them in it."""
    owner = {port.name: port.vnf for port in here.ports}
    passed = [owner[name] for name in follow(here.ports, here.flows, site.uni.port) if name in owner]
    return (
        [vnf.name for vnf in ordered] == [vnf.name for vnf in observed] == list(dict.fromkeys(passed))
        and all(vnf.ready for vnf in observed)
        and not here.differences
    )
