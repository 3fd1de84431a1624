"""`/tunnel`: the IPsec tunnels of services (TVCs), as their gateways see them now, with their delay and loss."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from presto.domain.model import Service
from presto.domain.tunnels import Seen, Site, Tunnel, tunnel_verdict, tunnels
from presto.extensions.problems import declared
from presto.service.core import Core
from presto.service.performance import ECHOES, MAX_ECHOES, Measurements, Performance
from presto_api.tunnels import EspSa, IkeSa, RoundTripDelay, TunnelEnd, TunnelPerformance, TunnelState


def tunnels_router(core: Core) -> APIRouter:
    """The operations on tunnels."""
    router = APIRouter(tags=["tunnel"])

    @router.get("/tunnel", operation_id="listTunnels", responses=declared(404, 409, 422))
    async def find(
        service: Annotated[
            str | None, Query(description="Only of the service of that id or name", max_length=64)
        ] = None,
        echoes: Annotated[
            int,
            Query(
                description="ICMP echo requests by which each end measures delay and loss; 0 measures nothing",
                ge=0,
                le=MAX_ECHOES,
            ),
        ] = ECHOES,
    ) -> list[TunnelState]:
        """The tunnels of services: the state, the algorithms and the counters of their SAs, delay and loss now."""
        found = [await core.service(service)] if service is not None else await core.services()
        seen, measured = await asyncio.gather(core.observe(found), core.measure(found, echoes))
        return [
            _shown(one, tunnel, seen[one.id], measured[one.id])
            for one in found
            for tunnel in tunnels(one.swvc, core.inventory)
        ]

    return router


def _shown(service: Service, tunnel: Tunnel, seen: Seen, measured: Measurements) -> TunnelState:
    verdict = tunnel_verdict(tunnel, seen)
    states: dict[bool | None, Literal["up", "down", "unknown"]] = {True: "up", False: "down", None: "unknown"}
    return TunnelState(
        service=service.id,
        service_name=service.swvc.identifier,
        name=tunnel.name,
        underlay=tunnel.underlay,
        state=states[verdict.works],
        reason=verdict.reason,
        ends=[_end(own, other, seen, measured) for own, other in tunnel.directions],
    )


def _end(own: Site, other: Site, seen: Seen, measured: Measurements) -> TunnelEnd:
    peer = next(_peers(own.ucpe, other.ucpe, seen), {})
    ike = peer.get("ike")
    performance = measured.of(own.ucpe, other.ucpe)
    return TunnelEnd(
        end_point=own.end_point.identifier,
        edge=own.ucpe,
        ike=_model(IkeSa, ike) if ike else None,
        esp=[_model(EspSa, child) for child in peer.get("children", ())],
        performance=None if isinstance(performance, str) else _performance(performance),
        not_measured=performance if isinstance(performance, str) else None,
    )


def _performance(found: Performance) -> TunnelPerformance:
    delay = None
    if found.minimum is not None and found.mean is not None and found.maximum is not None:
        rounded = None if found.variation is None else round(found.variation, 3)
        delay = RoundTripDelay(
            minimum=found.minimum, mean=round(found.mean, 3), maximum=found.maximum, variation=rounded
        )
    return TunnelPerformance(
        measured_at=found.moment,
        echoes_sent=found.sent,
        echoes_received=found.received,
        packet_loss_percent=found.loss,
        round_trip_delay_ms=delay,
    )


def _peers(own: str, other: str, seen: Seen) -> Iterator[Mapping[str, Any]]:
    here = seen.sites.get(own)
    for vnf in here.vnfs if here else ():
        if vnf.kind == "ipsec" and vnf.status:
            yield from (peer for peer in vnf.status.get("peers", ()) if peer.get("name") == other)


def _model(model: Any, values: Mapping[str, Any]) -> Any:
    """What the VNF contract's status has of the model's members."""
    return model.model_validate({name: values.get(name) for name in model.model_fields}, strict=True, by_name=True)
