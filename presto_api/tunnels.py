"""Tunnels as `/tunnel` shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from presto_api.wire import Wire


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


class RoundTripDelay(Wire):
    """Milliseconds from this gateway through the tunnel to the other one and back (RFC 2681)."""

    minimum: float = Field(examples=[40.3])
    mean: float = Field(examples=[40.9])
    maximum: float = Field(examples=[41.7])
    variation: float | None = Field(
        description="The mean difference between one round trip and the next (RFC 5481); null unless two followed"
    )


class TunnelPerformance(Wire):
    """What ICMP echoes of this gateway to the other one, inside the tunnel, have shown just now.

    MEF 70.2 has one-way figures; these are of the way there and back, as no clocks are compared.
    """

    measured_at: datetime = Field(strict=False)
    echoes_sent: int
    echoes_received: int
    packet_loss_percent: float = Field(
        ge=0, le=100, description="Of the round trips (RFC 6673), in per cent as in MEF 70.2"
    )
    round_trip_delay_ms: RoundTripDelay | None = Field(description="Null when no echo came back")


class TunnelEnd(Wire):
    """One end of a tunnel, as the gateway there sees it."""

    end_point: str
    edge: str
    ike: IkeSa | None = Field(description="None while there is none")
    esp: list[EspSa]
    performance: TunnelPerformance | None = Field(description="Null when it was not measured")
    not_measured: str | None = Field(description="Why it was not measured")


class TunnelState(Wire):
    """A tunnel between two sites: a tunnel virtual connection (TVC) in the words of MEF 70."""

    service: str
    service_name: str
    name: str = Field(examples=["a--b"])
    underlay: str
    state: Literal["up", "down", "unknown"]
    reason: str | None = Field(description="Why it is down or unknown")
    ends: list[TunnelEnd]
