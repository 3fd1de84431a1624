"""What the payload of a UNI says, held against the UNI that is enrolled."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from common.findings import Path
from orchestrator.inventory import Uni
from presto_api.mef import payload
from presto_api.mef.problems import Problem, unsupported

MAX_L2_FRAME = 1522
"""Bytes of the largest frame that a UNI takes: what MEF 70.2 asks for at least."""


def uni_problems(given: payload.Uni, here: Path, uni: Uni) -> Iterator[Problem]:
    """What a UNI payload asks for and the UNI is not."""
    layer = given.l2_interface
    if layer and (layer.l2_interface_type == "CVLANX" or layer.vlan_id):
        yield unsupported((*here, "l2Interface"), "The UNI is untagged, UT_PT")
    if (given.max_l2_frame_size or MAX_L2_FRAME) > MAX_L2_FRAME:
        yield unsupported((*here, "maxL2FrameSize"), f"The UNI takes frames of {MAX_L2_FRAME} bytes at most")
    for member in (
        "ipv6ConnectionAddressing",
        "routingProtocols",
        "availabilityObjective",
        "meanTimeToRepairObjective",
    ):
        attribute = next(name for name, info in payload.Uni.model_fields.items() if info.alias == member)
        if getattr(given, attribute) is not None:
            yield unsupported((*here, member), f"{member} cannot be honoured at a UNI of this network")
    if given.ipv4_connection_addressing:
        yield from _addressing(given.ipv4_connection_addressing, (*here, "ipv4ConnectionAddressing"), uni)


def _addressing(given: payload.Ipv4Addressing, here: Path, uni: Uni) -> Iterator[Problem]:
    if given.ipv4_addressing_type not in {None, "STATIC"}:
        yield unsupported((*here, "ipv4AddressingType"), "Addresses at the UNI are STATIC")
    if given.ipv4_secondary_subnet_list:
        yield unsupported((*here, "ipv4SecondarySubnetList"), "The UNI has one subnet")
    subnet, place = given.ipv4_primary_subnet, (*here, "ipv4PrimarySubnet")
    if subnet and subnet.ipv4_prefix and _network(subnet.ipv4_prefix) != uni.prefix:
        yield unsupported((*place, "ipv4Prefix"), f"The subnet of UNI {uni.name} is {uni.prefix}", "Write that one.")
    if subnet and (subnet.service_provider_ipv4_addresses or [str(uni.provider_address)]) != [
        str(uni.provider_address)
    ]:
        text = f"The provider's address at UNI {uni.name} is {uni.provider_address}"
        yield unsupported((*place, "serviceProviderIpv4Addresses"), text, "Write that one.")
    for member, value in (
        ("reservedPrefixes", subnet and subnet.reserved_prefixes),
        ("subscriberIpv4Address", subnet and subnet.subscriber_ipv4_address),
    ):
        if value:
            yield unsupported((*place, member), f"{member} cannot be honoured at a UNI of this network")


def _network(given: payload.Ipv4Prefix) -> IPv4Network | None:
    try:
        length = 32 if given.prefix_length is None else given.prefix_length
        return IPv4Network((IPv4Address(given.ipv4_address), length), strict=False)
    except AddressValueError:
        return None
