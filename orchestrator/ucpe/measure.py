"""What the IPsec gateway on one uCPE measures through its tunnels when it is asked: round trips of ICMP echoes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.inventory import Ucpe
from orchestrator.model import InventoryError, SiteMeasurement, UcpeError
from orchestrator.southbound.contract import Connect, Uplink
from orchestrator.southbound.uplink import connected
from orchestrator.ucpe.execute import session
from orchestrator.ucpe.steps import Stopwatch, complaint

KIND = "ipsec"


class _Peer(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str
    round_trips_ms: list[float | None]


class _Probed(BaseModel):
    """What is read of `vnfs/contract/ipsec-probed.schema.json`."""

    model_config = ConfigDict(strict=True)
    peers: list[_Peer]


async def measure_site(
    ucpe: Ucpe, service_id: str, targets: Mapping[str, str], echoes: int, connect: Connect = connected
) -> SiteMeasurement:
    """Let the service's gateway there send `echoes` requests to each target, the name of a peer and an address of its
    gateway inside the tunnel. A problem is part of the answer, never raised.
    """
    peers = [{"name": name, "address": address} for name, address in targets.items()]
    request = json.dumps({"echoes": echoes, "peers": peers}).encode()
    try:
        async with session(ucpe, Stopwatch(), connect) as uplink:
            return await _measured(uplink, service_id, request)
    except (UcpeError, InventoryError) as error:
        return SiteMeasurement(ucpe.id, problem=str(error))


async def _measured(uplink: Uplink, service_id: str, request: bytes) -> SiteMeasurement:
    ucpe = uplink.ucpe.id
    found = await uplink.docker.containers(f"lso.service={service_id}")
    gateway = next((item for item in found if item.labels.get("lso.kind") == KIND), None)
    if gateway is None:
        return SiteMeasurement(ucpe, problem=f"{ucpe}: there is no IPsec gateway")
    if gateway.state != "running":
        return SiteMeasurement(ucpe, problem=f"{ucpe}: the container of its IPsec gateway is {gateway.state}")
    result = await uplink.docker.run(gateway.id, ["/vnf/probe"], request)
    if result.code != 0:
        message = complaint(result.stderr or result.stdout)[0]
        return SiteMeasurement(ucpe, problem=f"{ucpe}: /vnf/probe ended with {result.code}: {message}")
    try:
        probed = _Probed.model_validate_json(result.stdout)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return SiteMeasurement(ucpe, problem=f"{ucpe}: /vnf/probe printed something else: {place}: {first['msg']}")
    return SiteMeasurement(ucpe, {peer.name: tuple(peer.round_trips_ms) for peer in probed.peers})
