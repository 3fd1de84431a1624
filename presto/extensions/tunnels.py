"""`/tunnel`: the IPsec tunnels of services (TVCs), as their gateways see them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from presto.core.core import Core
from presto.core.model import Service
from presto.core.observer import Seen
from presto.core.tunnels import Site, Tunnel, tunnel_verdict, tunnels
from presto.extensions.problems import declared
from presto.extensions.wire import Wire


class IkeSa(Wire):
    """An IKE SA (RFC 7296) and the algorithms that were agreed on; null is what the gateway does not say."""

    state: str = Field(examples=["ESTABLISHED"])
    initiator_spi: str | None
    responder_spi: str | None
    encryption: str | None = Field(examples=["AES_CBC-256"])
    integrity: str | None
    prf: str | None
    dh: str | None


class EspSa(Wire):
    """A pair of ESP SAs (RFC 4303) with their counters; null is what the gateway does not say."""

    state: str = Field(examples=["INSTALLED"])
    udp_encapsulation: bool | None
    spi_in: str | None
    spi_out: str | None
    encryption: str | None = Field(examples=["AES_GCM_16-256"])
    integrity: str | None
    local_subnets: list[str] | None
    remote_subnets: list[str] | None
    packets_in: int | None
    bytes_in: int | None
    packets_out: int | None
    bytes_out: int | None


class TunnelEnd(Wire):
    """One end of a tunnel, as the gateway there sees it."""

    end_point: str
    edge: str
    ike: IkeSa | None = Field(description="None while there is none")
    esp: list[EspSa]


class TunnelState(Wire):
    """A tunnel between two sites: a tunnel virtual connection (TVC) in the words of MEF 70."""

    service: str
    service_name: str
    name: str = Field(examples=["a--b"])
    underlay: str
    state: Literal["up", "down", "unknown"]
    reason: str | None = Field(description="Why it is down or unknown")
    ends: list[TunnelEnd]


def tunnels_router(core: Core) -> APIRouter:
    """Of tunnels."""
    router = APIRouter(tags=["tunnel"])

    @router.get("/tunnel", operation_id="listTunnels", responses=declared(404, 422))
    async def find(
        service: Annotated[
            str | None, Query(description="Only of the service of that id or name", max_length=64)
        ] = None,
    ) -> list[TunnelState]:
        """The tunnels of services with the state, the algorithms and the counters of their SAs."""
        found = [await core.service(service)] if service is not None else await core.services()
        seen = await core.observe(found)
        return [_shown(one, tunnel, seen[one.id]) for one in found for tunnel in tunnels(one.swvc, core.inventory)]

    return router


def _shown(service: Service, tunnel: Tunnel, seen: Seen) -> TunnelState:
    verdict = tunnel_verdict(tunnel, seen)
    states: dict[bool | None, Literal["up", "down", "unknown"]] = {True: "up", False: "down", None: "unknown"}
    return TunnelState(
        service=service.id,
        service_name=service.swvc.identifier,
        name=tunnel.name,
        underlay=tunnel.underlay,
        state=states[verdict.works],
        reason=verdict.reason,
        ends=[_end(tunnel.near, tunnel.far, seen), _end(tunnel.far, tunnel.near, seen)],
    )


def _end(own: Site, other: Site, seen: Seen) -> TunnelEnd:
    peer = next(_peers(own.ucpe, other.ucpe, seen), {})
    ike = peer.get("ike")
    return TunnelEnd(
        end_point=own.end_point.identifier,
        edge=own.ucpe,
        ike=_taken(IkeSa, ike) if ike else None,
        esp=[_taken(EspSa, child) for child in peer.get("children", ())],
    )


def _peers(own: str, other: str, seen: Seen) -> Iterator[Mapping[str, Any]]:
    here = seen.sites.get(own)
    for vnf in here.vnfs if here else ():
        if vnf.kind == "ipsec" and vnf.status:
            yield from (peer for peer in vnf.status.get("peers", ()) if peer.get("name") == other)


def _taken(model: Any, values: Mapping[str, Any]) -> Any:
    """What the VNF contract's status has of the model's members."""
    return model.model_validate({name: values.get(name) for name in model.model_fields}, strict=True, by_name=True)
