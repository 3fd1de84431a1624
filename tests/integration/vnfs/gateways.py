"""Two IPsec gateways, each in front of a LAN host, on one underlay where every packet is captured."""

from __future__ import annotations

import datetime
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ESP, UDP = 50, 17
PROPOSALS = {"openiked": "aes256-sha512-ecp384"}  # where it is not the contract's default
Credential = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def credential(name: str, issuer: Credential | None = None, hours: float = 1) -> Credential:
    """A key and its certificate, which ends in so many *hours*, signed by the *issuer* or itself."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=2))
        .not_valid_after(now + datetime.timedelta(hours=hours))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(issuer[0] if issuer else key, hashes.SHA384())
    )
    return key, certificate


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True)
class Site:
    number: int
    vnf: Any
    lan: Any
    intent: dict[str, Any]

    @property
    def host(self) -> str:
        return f"10.{self.number}.0.10"

    def wire_up(self) -> None:
        for port in self.vnf.ports:
            self.vnf.plug(port)
        self.settle()

    def settle(self) -> None:
        lan, wan = self.vnf.ports
        wan.host.run("ip", "link", "set", wan.peer_name, "master", "underlay")
        lan.host.run("ip", "address", "add", f"{self.host}/24", "dev", "eth0")
        lan.host.run("ip", "link", "set", "eth0", "mtu", "1400")
        lan.host.run("ip", "route", "add", "default", "via", f"10.{self.number}.0.1")

    def children(self) -> list[dict[str, Any]]:
        peers = self.vnf.status()["peers"]
        return [child for peer in peers for child in peer["children"] if child["state"] == "INSTALLED"]


@dataclass(frozen=True)
class Pair:
    a: Site
    b: Site
    underlay: Any
    wait: Callable[..., Any]

    def apply(self, psks: tuple[str, str] = ("one", "one"), **changes: Any) -> None:
        """Give both sites the changes; site A gets the first pre-shared key, B the second."""
        for site, psk in zip((self.a, self.b), psks, strict=True):
            ipsec = {**site.intent["ipsec"], **changes}
            ipsec["peers"] = [{**ipsec["peers"][0], "psk": psk}]
            site.vnf.applied({**site.intent, "ipsec": ipsec})

    def wait_established(self, timeout: float = 30.0) -> None:
        def agreed() -> bool:
            mine, theirs = self.a.children(), self.b.children()
            return bool(mine and theirs and mine[-1]["spi_in"] == theirs[-1]["spi_out"])

        def otherwise() -> str:
            logs = (f"{site.vnf.status()['peers']}\n{site.vnf.container.logs()[-3000:]}" for site in (self.a, self.b))
            return "both sites have the tunnel\n\n" + "\n\n".join(logs)

        self.wait(agreed, otherwise, timeout)

    def exchange(self, canary: bytes) -> tuple[list[bytes], bool]:
        """Send a datagram with *canary* from A's host to B's; return the underlay's frames and whether it arrived."""
        receiver = self.b.lan.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender = self.a.lan.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with closing(receiver), closing(sender), closing(self.underlay.namespace.packet_socket("wan1")) as capture:
            receiver.bind((self.b.host, 7777))
            receiver.settimeout(0.5)
            sender.sendto(canary, (self.b.host, 7777))
            try:
                arrived = receiver.recv(2000) == canary
            except TimeoutError:
                arrived = False
            capture.setblocking(False)
            return list(frames(capture)), arrived


def frames(capture: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield capture.recv(65535)
        except BlockingIOError:
            return


def esp_of(frame: bytes) -> bytes | None:
    """The ESP packet in an Ethernet frame, bare or in UDP 4500 (RFC 3948), if there is one."""
    if frame[12:14] != b"\x08\x00":
        return None
    payload = frame[14 + 4 * (frame[14] & 15) :]
    if frame[23] == ESP:
        return payload
    if frame[23] == UDP and payload[2:4] == struct.pack("!H", 4500) and payload[8:12] != bytes(4):
        return payload[8:]
    return None


@pytest.fixture(scope="module", params=[("strongswan", "strongswan")], ids="-".join)
def pair(
    bench: Any,
    descriptor: Callable[[str], dict[str, Any]],
    wait_until: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> Pair:
    """The products of site A, which initiates, and of site B are the parameter."""
    return joined(bench, descriptor, wait_until, request.param)


@pytest.fixture(scope="module")
def mixed(
    bench: Any,
    descriptor: Callable[[str], dict[str, Any]],
    wait_until: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> Pair:
    """Site 1, which initiates, is strongSwan's; the product of site 2 is the parameter."""
    changes = {"esp_proposal": PROPOSALS[request.param]} if request.param in PROPOSALS else {}
    return joined(bench, descriptor, wait_until, ("strongswan", request.param), **changes)


def joined(
    bench: Any,
    descriptor: Callable[[str], dict[str, Any]],
    wait_until: Callable[..., Any],
    products: tuple[str, str],
    **changes: Any,
) -> Pair:
    """Gateways of these products with a tunnel between them; *changes* are of the part `ipsec` of both intents."""
    underlay = bench.host()
    underlay.run("ip", "link", "add", "name", "underlay", "type", "bridge")
    underlay.run("ip", "link", "set", "underlay", "up")
    authority = credential("test authority")
    sites = []
    for number, other, product in zip((1, 2), (2, 1), products, strict=True):
        lan = bench.host()
        ports = [bench.port("lan", lan, "eth0"), bench.port("wan", underlay, f"wan{number}")]
        key, certificate = credential(f"site-{number}", authority)
        intent = {
            "contract": "1",
            "kind": "ipsec",
            "name": "gateway",
            "ports": [
                {"role": "lan", "mac": ports[0].mac, "mtu": 1400, "addresses": [f"10.{number}.0.1/24"]},
                {
                    "role": "wan", "mac": ports[1].mac, "mtu": 1500, "addresses": [f"198.51.100.{number}/24"],
                    "gateway": f"198.51.100.{other}",
                },
            ],
            "ipsec": {
                "authentication": "certificate",
                "encryption": "required",
                "export_keys": True,
                "local": {
                    "address": f"198.51.100.{number}",
                    "identity": f"site-{number}",
                    "subnets": [f"10.{number}.0.0/24"],
                    "certificate": pem(certificate),
                    "private_key": key_pem(key),
                    "ca_certificate": pem(authority[1]),
                },
                "peers": [
                    {
                        "name": f"site-{other}", "address": f"198.51.100.{other}", "identity": f"site-{other}",
                        "subnets": [f"10.{other}.0.0/24"], "psk": None, "initiate": number == 1,
                    }
                ],
                **changes,
            },
        }  # fmt: skip
        vnf = bench.vnf(f"lso/vnf-{product}", descriptor(product), intent)
        vnf.ports.extend(ports)
        site = Site(number, vnf, lan, intent)
        site.wire_up()
        sites.append(site)
    both = Pair(sites[0], sites[1], underlay, wait_until)
    both.wait_established(120)  # a VNF that starts a kernel of its own is slower
    return both


@pytest.fixture
def up(pair: Pair) -> Pair:
    """The pair with certificates, encryption and exported keys, whatever the test before left."""
    for site in (pair.a, pair.b):
        if not site.vnf.has_applied(site.intent):
            site.vnf.applied(site.intent)
    pair.wait_established()
    return pair
