"""What a gateway in memory says of its tunnels: each peer that its intent names is reached at once, by no packets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

_UNSAID = {"encryption": None, "integrity": None}
_UNUSED = {"packets_in": 0, "bytes_in": 0, "packets_out": 0, "bytes_out": 0}


@dataclass(frozen=True, slots=True)
class Gateway:
    """One end of a tunnel as an intent names it; `name` is a peer's, empty for one's own end."""

    name: str
    identity: str
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tunnels:
    """All ends that a gateway's intent names; nothing else of it, as it may hold keys."""

    local: Gateway
    peers: tuple[Gateway, ...]

    def status(self) -> list[Mapping[str, Any]]:
        """The member `peers` of a gateway's status (`vnfs/contract/ipsec-status.schema.json`)."""
        return [_established(self.local, peer) for peer in self.peers]


def tunnels_of(intent: bytes) -> Tunnels | None:
    """The tunnels of a gateway that has this intent; None when it names none."""
    ipsec = json.loads(intent or b"{}").get("ipsec")
    if not ipsec:
        return None
    return Tunnels(_gateway(ipsec["local"]), tuple(map(_gateway, ipsec["peers"])))


def _gateway(given: Mapping[str, Any]) -> Gateway:
    return _shared(given.get("name", ""), given["identity"], tuple(given["subnets"]))


_shared = lru_cache(maxsize=4096)(Gateway)  # in a mesh each site is met again at all others


def _established(local: Gateway, peer: Gateway) -> Mapping[str, Any]:
    """One IKE SA and one pair of ESP SAs; both ends tell the same SPIs, and no algorithms, as none was agreed on."""
    ours, theirs = _spi(peer, local), _spi(local, peer)
    initiator, responder = sorted((ours, theirs))
    ike = {
        "state": "ESTABLISHED",
        "version": 2,
        "initiator_spi": initiator * 2,
        "responder_spi": responder * 2,
        "local_id": local.identity,
        "remote_id": peer.identity,
        "prf": None,
        "dh": None,
        **_UNSAID,
    }
    child = {
        "name": peer.name,
        "state": "INSTALLED",
        "mode": "TUNNEL",
        "protocol": "ESP",
        "udp_encapsulation": False,
        "spi_in": ours,
        "spi_out": theirs,
        "local_subnets": list(local.subnets),
        "remote_subnets": list(peer.subnets),
        **_UNSAID,
        **_UNUSED,
    }
    return {"name": peer.name, "ike": ike, "children": [child]}


def _spi(source: Gateway, target: Gateway) -> str:
    """Of the SA from one gateway to another, by their identities."""
    return f"{crc32(f'{source.identity} {target.identity}'.encode()):08x}"
