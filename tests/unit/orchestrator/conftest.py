"""Inputs for the site templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHVzZWxlc3M=\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nbm90IHJlYWxseSBvbmU=\n-----END CERTIFICATE-----\n"
PSK = "correct horse battery staple"

SiteInputs = Callable[..., dict[str, Any]]


@pytest.fixture
def site_inputs() -> SiteInputs:
    """A function that returns good inputs of `poc-site`, some replaced; None takes an input away."""
    return _site_inputs


def _site_inputs(**changes: Any) -> dict[str, Any]:
    peer = {
        "name": "site-b",
        "address": "198.51.100.2",
        "identity": "site-b",
        "subnets": ["10.2.0.0/24"],
        "psk": PSK,
        "initiate": True,
    }
    rule = {
        "id": "allow-web",
        "action": "allow",
        "direction": "lan-to-wan",
        "source": ["10.1.0.0/24"],
        "protocol": "tcp",
        "destination_ports": ["80", "8000-8080"],
    }
    inputs: dict[str, Any] = {
        "site_name": "site-a",
        "lan_address": "10.1.0.1/24",
        "lan_subnets": ["10.1.0.0/24"],
        "wan_address": "198.51.100.1/24",
        "wan_gateway": "198.51.100.254",
        "identity": "site-a",
        "certificate": CERTIFICATE,
        "private_key": PRIVATE_KEY,
        "ca_certificate": CERTIFICATE,
        "peers": [peer],
        "firewall_rules": [rule],
    }
    return {name: value for name, value in (inputs | changes).items() if value is not None}
