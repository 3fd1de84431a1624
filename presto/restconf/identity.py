"""Stable UUIDs (RFC 9562, version 5) for what has no id of its own: the same one after every restart.

It is made of a scope, the underlays or a service, and the place in it; no part has a slash.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from presto.domain.check import RESERVED

UNDERLAYS = RESERVED
"""The scope of what belongs to no service."""

_NAMESPACE = UUID("a9d9cb0c-5b0f-4f6b-9d5e-3c1f6c1d7a52")


def topology_id(scope: str) -> str:
    """A topology."""
    return _identity("topology", scope)


def node_id(scope: str, ucpe: str) -> str:
    """A uCPE in a topology."""
    return _identity("node", scope, ucpe)


def uni_id(scope: str, uni: str) -> str:
    """The node edge point of a UNI."""
    return _identity("uni", scope, uni)


def wan_id(ucpe: str, port: str) -> str:
    """The node edge point of a WAN port."""
    return _identity("wan", UNDERLAYS, ucpe, port)


def tunnel_end_id(service: str, ucpe: str, peer: str) -> str:
    """The node edge point where a tunnel ends."""
    return _identity("tunnel-end", service, ucpe, peer)


def underlay_id(underlay: str) -> str:
    """The link of an underlay."""
    return _identity("link", UNDERLAYS, underlay)


def tunnel_id(service: str, *ucpes: str) -> str:
    """The link of a tunnel, whichever end is named first."""
    return _identity("link", service, *sorted(ucpes))


def connection_id(service: str, *ucpes: str) -> str:
    """The connection between two sites of a service, whichever is named first."""
    return _identity("connection", service, *sorted(ucpes))


def connection_end_id(connection: str, node_edge_point: str) -> str:
    """The end or way point of a connection on a node edge point."""
    return _identity("connection-end", connection, node_edge_point)


def _identity(*parts: str) -> str:
    return str(uuid5(_NAMESPACE, "/".join(parts)))
