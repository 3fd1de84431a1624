"""`/edge`: the uCPEs of the inventory, how they are, and enrolling further ones at run time."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import Field, ValidationError

from common.findings import MAX_REPORTED, Finding, Rejected
from orchestrator.inventory import Ucpe, Uni
from orchestrator.ucpe.health import EndpointHealth
from presto.domain.check_edges import Enrolment, TlsTexts
from presto.extensions import words
from presto.extensions.problems import declared
from presto.persistence.idempotency import keyed_request
from presto.persistence.tenancy import current
from presto.service.core import Core
from presto.service.unis import UniState
from presto.web.segments import Written
from presto_api.wire import Wire

EdgeId = Annotated[str, Path(description="The id of the uCPE", max_length=64, examples=["site-a"]), Written]


class Wan(Wire):
    """A port of the bridge that leads to an underlay."""

    port: str = Field(examples=["wan0"])
    underlay: str = Field(examples=["internet"])
    address: str = Field(
        description="The site's own address there, with its prefix length", examples=["198.51.100.1/24"]
    )
    gateway: str | None = Field(None, description="Next hop towards other sites, where they are not on the same link")
    backup: bool = Field(False, description="Used only where no other underlay connects the sites")


class EngineNames(Wire):
    """What the uCPE does ESP and switching with."""

    esp: Literal["kernel", "libipsec"] = "libipsec"
    datapath: Literal["system", "netdev"] = "netdev"


class LanUni(Wire):
    """A UNI on the uCPE."""

    id: str | None = Field(None, description="Given by the server when left out", examples=["site-e-lan"])
    name: str | None = Field(None, description="`<edge>-<port>` when left out", examples=["site-e-lan0"])
    port: str = Field(examples=["lan0"])
    prefix: str = Field(description="The LAN", examples=["10.5.0.0/24"])
    provider_address: str = Field(description="The service's address in the LAN", examples=["10.5.0.1"])
    mtu: int = 1400


class TlsPem(Wire):
    """The client's side of mutual TLS, as PEM texts. It is never shown again."""

    ca: str = Field(description="Whom the uCPE's certificates must come from", min_length=1)
    certificate: str = Field(min_length=1)
    key: str = Field(
        description="The private key of the certificate", min_length=1, json_schema_extra={"writeOnly": True}
    )


class EdgeForm(Wire):
    """What enrols a uCPE."""

    id: str = Field(examples=["site-e"])
    docker: str = Field(description="Docker Engine API", examples=["tcp://192.0.2.5:2376"])
    ovsdb: str = Field(description="OVSDB, in Open vSwitch's notation", examples=["ssl:192.0.2.5:6640"])
    openflow: str = Field(description="OpenFlow of the bridge", examples=["ssl:192.0.2.5:6653"])
    bridge: str = Field(examples=["br-ucpe"])
    wan: list[Wan] = Field(default_factory=list)
    engines: EngineNames = EngineNames()
    unis: list[LanUni] = Field(min_length=1)
    tls: TlsPem | None = None


class EdgeUni(Wire):
    """A UNI on the uCPE, and what became of it."""

    id: str
    name: str
    port: str
    prefix: str
    provider_address: str
    mtu: int
    locked: bool
    service: str | None = Field(description="The service that uses it")


_OPERATOR = "For the operator only; null for a tenant"


class Edge(Wire):
    """A uCPE. Management addresses are left out: a tenant does not need them."""

    id: str
    docker: str | None = Field(description=_OPERATOR)
    ovsdb: str | None = Field(description=_OPERATOR)
    openflow: str | None = Field(description=_OPERATOR)
    bridge: str | None = Field(description=_OPERATOR)
    mutual_tls: bool | None = Field(description=_OPERATOR)
    wan: list[Wan]
    engines: EngineNames
    unis: list[EdgeUni]


class EndpointState(Wire):
    """One endpoint of a uCPE, as it answered just now."""

    protocol: Literal["docker", "ovsdb", "openflow"]
    address: str | None = Field(description=_OPERATOR)
    reachable: bool
    seconds: float = Field(description="From the question to the answer, or until it was given up")
    version: str | None = Field(description=_OPERATOR)
    certificate_ends: datetime | None = Field(description=f"Null without TLS. {_OPERATOR}")
    problem: str | None = Field(description=_OPERATOR)


class VnfImage(Wire):
    """A VNF image in the uCPE's store, by its labels (VNF contract)."""

    image: str = Field(examples=["lso/vnf-example:latest"])
    kind: str
    vendor: str
    version: str
    contract: str


class EdgeHealth(Wire):
    """Whether a uCPE can be used, and for what."""

    edge: str
    healthy: bool
    endpoints: list[EndpointState]
    capabilities: list[VnfImage] = Field(description="What can stand in a chain on it: the VNF images that it has")


def edges_router(core: Core) -> APIRouter:
    """The operations on the uCPEs."""
    router = APIRouter(tags=["edge"])

    @router.get("/edge", operation_id="listEdges")
    async def find() -> list[Edge]:
        """All uCPEs, those of the inventory file first."""
        unis = await core.unis()
        return [_shown(ucpe, unis) for ucpe in core.inventory.ucpes]

    @router.post("/edge", operation_id="enrolEdge", status_code=201, responses=declared(409, 422))
    async def enrol(form: Annotated[EdgeForm, Body()], request: Request, response: Response) -> Edge:
        """Enrol a uCPE with its UNIs, so that they can be ordered on. It is connected to before it is accepted."""
        ucpe = await core.edges.enrol(_enrolment(form), keyed_request(request.scope))
        response.headers["Location"] = f"{request.url.path}/{ucpe.id}"
        return await _edge(core, ucpe)

    @router.get("/edge/{edge_id}", operation_id="getEdge", responses=declared(404, 422))
    async def get(edge_id: EdgeId) -> Edge:
        """One uCPE: endpoints, WAN ports, engines, and the UNIs on it."""
        return await _edge(core, core.edges.find(edge_id))

    @router.delete("/edge/{edge_id}", operation_id="withdrawEdge", status_code=204, responses=declared(404, 409, 422))
    async def withdraw(edge_id: EdgeId, request: Request) -> Response:
        """Forget an enrolled uCPE. Refused while a service uses it, and for those of the inventory file."""
        await core.edges.withdraw(edge_id, keyed_request(request.scope))
        return Response(status_code=204)

    @router.get("/edge/{edge_id}/health", operation_id="getEdgeHealth", responses=declared(404, 422))
    async def health(edge_id: EdgeId) -> EdgeHealth:
        """Ask the three endpoints of a uCPE now; an answer takes three seconds at most."""
        found = await core.edges.health(edge_id)
        states = [_endpoint(endpoint) for endpoint in found.endpoints]
        healthy = all(state.reachable for state in states)
        images = [VnfImage(**asdict(image)) for image in found.images]
        return EdgeHealth(edge=edge_id, healthy=healthy, endpoints=states, capabilities=images)

    return router


async def _edge(core: Core, ucpe: Ucpe) -> Edge:
    return _shown(ucpe, await core.unis())


def _shown(ucpe: Ucpe, unis: Iterable[UniState]) -> Edge:
    managed = {name: getattr(ucpe, name) for name in ("docker", "ovsdb", "openflow", "bridge")}
    return Edge(
        id=ucpe.id,
        **_for_the_operator({**managed, "mutual_tls": ucpe.tls is not None}),
        wan=[Wan(**wan.model_dump()) for wan in ucpe.wan],
        engines=EngineNames(**ucpe.engines.model_dump()),
        unis=[
            EdgeUni(
                **{name: getattr(state.uni, name) for name in ("id", "name", "port", "mtu")},
                prefix=str(state.uni.prefix),
                provider_address=str(state.uni.provider_address),
                locked=state.locked,
                service=state.service,
            )
            for state in unis
            if state.uni.ucpe == ucpe.id
        ],
    )


def _endpoint(found: EndpointHealth) -> EndpointState:
    managed = {name: getattr(found, name) for name in ("address", "version", "certificate_ends", "problem")}
    told = {"protocol": found.protocol, "seconds": found.seconds, **_for_the_operator(managed)}
    return EndpointState(**told, reachable=found.problem is None)


def _for_the_operator(managed: dict[str, Any]) -> dict[str, Any]:
    """A tenant is not told how uCPEs are managed."""
    return managed if current() is None else dict.fromkeys(managed)


def _enrolment(form: EdgeForm) -> Enrolment:
    """The inventory's own models decide about every value. Raises Rejected with all findings."""
    values = form.model_dump(exclude={"unis", "tls"})
    findings: list[Finding] = []
    ucpe = _validated(Ucpe, values, (), findings)
    unis = [_validated(Uni, _uni(form, uni), ("unis", n), findings, _made(uni)) for n, uni in enumerate(form.unis)]
    if ucpe is None or None in unis:
        raise Rejected(findings)
    tls = TlsTexts(**form.tls.model_dump()) if form.tls else None
    return Enrolment(ucpe, tuple(uni for uni in unis if uni), tls)


def _uni(form: EdgeForm, uni: LanUni) -> dict[str, Any]:
    names = {"id": uni.id or str(uuid4()), "name": uni.name or f"{form.id}-{uni.port}", "ucpe": form.id}
    return {**uni.model_dump(), **names}


def _made(uni: LanUni) -> Set[str]:
    """The members of a UNI that nobody sent: they are made of others, and what is wrong is told at those."""
    return {"ucpe"} | {name for name in ("id", "name") if not getattr(uni, name)}


def _validated(
    model: Any, values: Any, path: tuple[str | int, ...], findings: list[Finding], made: Set[str] = frozenset()
) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        findings.extend(
            words.finding(one, model, path) for one in details[: MAX_REPORTED + 1] if made.isdisjoint(one["loc"][:1])
        )
        return None
