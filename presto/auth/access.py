"""How a server can be reached, and by whom: TLS, and which addresses are safe to bind to."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from presto.auth.errors import TlsUnusable, UnsafeBinding
from presto.auth.limits import Limits

_MAPPED = 96
"""Bits before the IPv4 address in an IPv4-mapped one."""


@dataclass(frozen=True)
class Tls:
    """PEM files: our certificate with its chain, its key, and, for mutual TLS, the CA of the clients' certificates."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.3, and 1.2 with forward secrecy and authenticated encryption only (RFC 9325). Raises TlsUnusable."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        try:
            # A key with a passphrase would have the server ask on the terminal.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except OSError as error:
            what = f"{self.certificate} with {self.key}"
            raise TlsUnusable(
                f"{what}: {_reason(error, 'no certificate in PEM with its key, without a passphrase')}"
            ) from None
        try:
            if self.client_ca:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:
            raise TlsUnusable(f"{self.client_ca}: {_reason(error, 'no CA certificates in PEM')}") from None
        return context


@dataclass(frozen=True)
class Access:
    """Without `clients`, the file of those who may ask, authentication is off: then loopback only.

    `plain` is the operator's word that somebody else protects what goes to other machines, such as a proxy with TLS.
    `host_names` are names that the server answers for besides the loopback ones and the address it is bound to.
    `proxies` are believed what they say of the clients behind them: X-Forwarded-For and X-Forwarded-Proto.
    """

    clients: Path | None = None
    tls: Tls | None = None
    plain: bool = False
    host_names: tuple[str, ...] = ()
    limits: Limits | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def believed(self) -> list[str]:
        """The networks of `proxies`, those of IPv4 also as a socket for both versions shows them (RFC 4291)."""
        return [text for network in self.proxies for text in _spellings(network)]

    def check_binding(self, host: str, addresses: Iterable[str]) -> None:
        """Whether it is safe to be reached at these addresses, which `host` stands for. Raises UnsafeBinding."""
        outside = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
        if not outside:
            return
        where = f"{host} ({', '.join(outside)}) can be reached from other machines"
        if self.clients is None:
            hint = "name the clients with --auth, or bind to 127.0.0.1 and reach it through an SSH tunnel"
            raise UnsafeBinding(f"{where}, and authentication is off: {hint}")
        if self.tls is None and not self.plain:
            hint = "give --tls-certificate and --tls-key, or --plain-http when a proxy in front has TLS"
            raise UnsafeBinding(f"{where}, and tokens would go there in the clear: {hint}")

    def hosts(self, host: str) -> frozenset[str]:
        """The host names to answer for beside the loopback ones."""
        given = {name.casefold().rstrip(".") for name in self.host_names}
        wild = host in {"0.0.0.0", "::", ""}  # noqa: S104  (compared, not bound to)
        return frozenset(given if wild else given | {f"[{host}]" if ":" in host else host.casefold()})


def _spellings(network: IPv4Network | IPv6Network) -> list[str]:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped and network.prefixlen >= _MAPPED:
        network = IPv4Network((mapped, network.prefixlen - _MAPPED))
    if isinstance(network, IPv6Network):
        return [str(network)]
    return [str(network), f"::ffff:{network.network_address}/{_MAPPED + network.prefixlen}"]


def _reason(error: OSError, unreadable: str) -> str:
    return unreadable if isinstance(error, ssl.SSLError) or not error.strerror else error.strerror
