"""`POST /explain`: what becomes of a packet, and why."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import Field, field_validator, model_validator

from common.findings import Finding, Rejected, Tag, nearest
from presto.domain.criteria import ICMP_TYPES, PROTOCOL_NAMES
from presto.domain.explain import Explanation, Reason, explain
from presto.domain.matches import ICMP, TCP, UDP, Packet
from presto.domain.model import Swvc
from presto.extensions.problems import declared
from presto.service.core import Core
from presto_api.wire import Wire

Port = Annotated[int | None, Field(ge=0, le=65535)]


class Question(Wire):
    """The first packet of a connection, and where it enters the service."""

    service: str = Field(description="Id or name", max_length=64, examples=["acme"])
    end_point: str = Field(description="The end point whose LAN it comes from", max_length=64, examples=["a"])
    source: str = Field(examples=["10.1.0.10"])
    destination: str = Field(examples=["10.2.0.10"])
    protocol: str = Field(description="A number, or icmp, tcp, udp …", examples=["tcp"])
    source_port: Port = Field(None, examples=[40000])
    destination_port: Port = Field(None, examples=[443])
    icmp_type: str | None = Field(None, description=", ".join(ICMP_TYPES), examples=[None])

    @field_validator("source", "destination")
    @classmethod
    def _address(cls, text: str) -> str:
        try:
            return str(IPv4Address(text))
        except AddressValueError:
            raise ValueError("Write an IPv4 address such as 10.1.0.10") from None

    @field_validator("protocol")
    @classmethod
    def _protocol(cls, text: str) -> str:
        if text.casefold() in PROTOCOL_NAMES:
            return str(PROTOCOL_NAMES[text.casefold()])
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
            raise ValueError(f"Write a number from 0 to 255 or one of {', '.join(PROTOCOL_NAMES)}")
        return text

    @field_validator("icmp_type")
    @classmethod
    def _icmp_type(cls, text: str | None) -> str | None:
        if text is not None and text not in ICMP_TYPES:
            raise ValueError(f"There is no such type. {nearest(text, ICMP_TYPES)}")
        return text

    @model_validator(mode="after")
    def _fields_of_the_protocol(self) -> Question:
        ports, protocol = (self.source_port, self.destination_port), int(self.protocol)
        if (None in ports) if protocol in {TCP, UDP} else any(port is not None for port in ports):
            raise ValueError("TCP and UDP have sourcePort and destinationPort, other protocols have neither")
        if (self.icmp_type is not None) != (protocol == ICMP):
            raise ValueError("ICMP has an icmpType, other protocols have none")
        return self

    def packet(self) -> Packet:
        """The packet that is asked about."""
        ends = IPv4Address(self.source), IPv4Address(self.destination)
        return Packet(*ends, int(self.protocol), self.source_port, self.destination_port, self.icmp_type)


class Step(Wire):
    """A step of the explanation."""

    text: str
    rule: str = Field(description="The rule that it follows, if there is one", examples=["MEF 70 R44"])


class Flow(Wire):
    """An application flow of the service."""

    identifier: str
    group: str | None


class CandidatePath(Wire):
    """An underlay that both sites are connected to."""

    underlay: str
    near_address: str
    far_address: str
    suitable: bool = Field(description="Whether it meets all policies of the service")
    used: bool = Field(description="Whether the tunnels ride it")


class ExplanationView(Wire):
    """What becomes of the packet."""

    service: str
    end_point: str
    verdict: Literal["allow", "block"]
    encrypted: bool | None = Field(description="Whether the tunnel encrypts it; None when it is blocked")
    flow: Flow | None = Field(description="The application flow that it belongs to")
    policy: str | None = Field(description="The policy of that flow at this end point")
    leaves_at: str | None = Field(description="The end point behind which its destination is")
    ingress_rule: str = Field(description="The rule that decides in the firewall where it enters", examples=["web"])
    egress_rule: str | None = Field(description="The rule that decides in the firewall where it leaves")
    paths: list[CandidatePath]
    reasons: list[Step]


def explain_router(core: Core) -> APIRouter:
    """The operations on explanations."""
    router = APIRouter(tags=["explain"])

    @router.post("/explain", operation_id="explain", responses=declared(404, 409, 422))
    async def ask(question: Annotated[Question, Body()]) -> ExplanationView:
        """Why a packet passes or not: flow, policy, path, verdict, and the firewall rules that realise it."""
        service = await core.service(question.service)
        index = _end_point(service.swvc, question.end_point)
        return _shown(service.swvc, index, explain(service.swvc, core.inventory, index, question.packet()))

    return router


def steps(reasons: tuple[Reason, ...]) -> list[Step]:
    """The reasons as they are shown."""
    return [Step(text=reason.text, rule=reason.rule) for reason in reasons]


def _end_point(swvc: Swvc, identifier: str) -> int:
    names = [end_point.identifier for end_point in swvc.end_points]
    if identifier not in names:
        message = f'Service "{swvc.identifier}" has no end point "{identifier}"'
        hint = nearest(identifier, names, "End points")
        raise Rejected([Finding(Tag.INVALID_VALUE, ("endPoint",), message, hint)])
    return names.index(identifier)


def _shown(swvc: Swvc, index: int, found: Explanation) -> ExplanationView:
    flow = found.decision.application if found.decision else None
    return ExplanationView(
        service=swvc.identifier,
        end_point=swvc.end_points[index].identifier,
        verdict="allow" if found.allowed else "block",
        encrypted=found.encryption == "required" if found.allowed else None,
        flow=Flow(identifier=flow.identifier, group=flow.group) if flow else None,
        policy=found.decision.policy if found.decision else None,
        leaves_at=found.egress.identifier if found.egress else None,
        ingress_rule=found.ingress_rule,
        egress_rule=found.egress_rule,
        paths=[
            CandidatePath(
                underlay=path.underlay,
                near_address=str(path.near),
                far_address=str(path.far),
                suitable=path.suitable,
                used=path.used,
            )
            for path in found.paths
        ],
        reasons=steps(found.reasons),
    )
