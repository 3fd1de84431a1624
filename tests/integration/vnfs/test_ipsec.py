"""Two IPsec gateways, each in front of a LAN host, on one underlay where every packet is captured."""

from __future__ import annotations

import datetime
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

ESP, UDP = 50, 17
Credential = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def credential(name: str, issuer: Credential | None = None) -> Credential:
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
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

        self.wait(agreed, "both sites have the tunnel", timeout)

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


@pytest.fixture(scope="module")
def pair(bench: Any, descriptor: Callable[[str], dict[str, Any]], wait_until: Callable[..., Any]) -> Iterator[Pair]:
    underlay = bench.host()
    underlay.run("ip", "link", "add", "name", "underlay", "type", "bridge")
    underlay.run("ip", "link", "set", "underlay", "up")
    authority = credential("test authority")
    sites = []
    for number, other in ((1, 2), (2, 1)):
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
            },
        }  # fmt: skip
        vnf = bench.vnf("lso/vnf-strongswan", descriptor("strongswan"), intent)
        vnf.ports.extend(ports)
        site = Site(number, vnf, lan, intent)
        site.wire_up()
        sites.append(site)
    both = Pair(sites[0], sites[1], underlay, wait_until)
    both.wait_established()
    yield both


@pytest.fixture
def up(pair: Pair) -> Pair:
    """The pair with certificates, encryption and exported keys, whatever the test before left."""
    for site in (pair.a, pair.b):
        if not site.vnf.has_applied(site.intent):
            site.vnf.applied(site.intent)
    pair.wait_established()
    return pair


def test_both_ends_agree(up: Pair) -> None:
    states = [site.vnf.status() for site in (up.a, up.b)]
    (mine,), (theirs,) = (state["peers"] for state in states)
    assert mine["ike"]["state"] == theirs["ike"]["state"] == "ESTABLISHED"
    for name in ("initiator_spi", "responder_spi", "encryption", "prf", "dh", "version"):
        assert mine["ike"][name] == theirs["ike"][name]
    assert (mine["ike"]["local_id"], mine["ike"]["remote_id"]) == ("site-1", "site-2")
    here, there = mine["children"][-1], theirs["children"][-1]
    assert (here["spi_in"], here["spi_out"]) == (there["spi_out"], there["spi_in"])
    assert here["encryption"] == there["encryption"] == "AES_GCM_16-256"
    assert (here["local_subnets"], here["remote_subnets"]) == (["10.1.0.0/24"], ["10.2.0.0/24"])
    assert here["udp_encapsulation"] is (states[0]["engine"]["esp"] == "libipsec")


def test_the_wire_has_esp_only_and_the_keys_open_it(up: Pair) -> None:
    before = up.a.children()[-1]
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = up.exchange(canary)
    assert arrived
    assert not any(canary in frame for frame in wire)
    after = up.a.children()[-1]
    assert after["packets_out"] - before["packets_out"] == 1
    assert after["bytes_out"] - before["bytes_out"] == 28 + len(canary)
    opened = [packet for frame in wire if (esp := esp_of(frame)) and (packet := decrypted(esp, up.a.vnf))]
    assert any(canary in packet and packet[16:20] == socket.inet_aton(up.b.host) for packet in opened)
    assert keys_of(up.a.vnf) == keys_of(up.b.vnf)


def keys_of(vnf: Any) -> dict[str, tuple[str, str, str]]:
    answer = vnf.exec("/vnf/keys")
    assert answer.returncode == 0, answer.stderr
    return {
        sa["spi"]: (sa["source"], sa["destination"], sa["encryption_key"]) for sa in json.loads(answer.stdout)["sas"]
    }


def decrypted(esp: bytes, vnf: Any) -> bytes | None:
    """RFC 4106: the nonce is the salt after the key and the packet's IV; SPI and sequence number are authenticated."""
    spi = esp[:4].hex()
    if spi not in (keys := keys_of(vnf)):
        return None
    material = bytes.fromhex(keys[spi][2])
    return AESGCM(material[:-4]).decrypt(material[-4:] + esp[8:16], esp[16:], esp[:8])


def test_keys_follow_a_rekeying_by_either_end(up: Pair) -> None:
    for site in (up.a, up.b):
        old = site.children()[-1]["spi_in"]
        name = site.intent["ipsec"]["peers"][0]["name"]
        site.vnf.inside("env", "STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf", "swanctl", "--rekey", "--child", name)
        up.wait(lambda site=site, old=old: (now := site.children()) and now[-1]["spi_in"] != old, "a new child SA")
        up.wait_established()
        up.wait(lambda: keys_of(up.a.vnf) == keys_of(up.b.vnf), "both know the same keys")
        canary = f"canary {time.monotonic_ns()}".encode()
        wire, arrived = up.exchange(canary)
        assert arrived
        assert any(canary in (decrypted(esp, up.a.vnf) or b"") for frame in wire if (esp := esp_of(frame)))


def test_keys_are_refused_unless_the_intent_exports_them(up: Pair) -> None:
    up.apply(export_keys=False)
    refused = up.a.vnf.exec("/vnf/keys")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert json.loads(refused.stderr)["path"] == "ipsec.export_keys"


def test_bulk_tcp_fits_the_tunnel(up: Pair) -> None:
    wire = stream(up, 2_000_000)
    assert wire
    assert not [frame for frame in wire if is_fragment(frame)]


def test_decrypted_segments_cross_the_lan_merged(up: Pair) -> None:
    if up.b.vnf.exec("coalesce", "gro1", "500000").returncode:
        pytest.skip("this kernel cannot be told from within a container how long segments may wait")
    before = received(up.b.lan)
    stream(up, 4_000_000)
    packets, size = (now - then for now, then in zip(received(up.b.lan), before, strict=True))
    assert size > 4_000_000
    assert size / packets > 2 * 1348


def test_charon_has_room_for_packets_that_wait(up: Pair) -> None:
    listed = up.b.vnf.exec("ss", "--udp", "--all", "--numeric", "--memory").stdout
    room = [int(size) for size in re.findall(r":4500 .*?,rb(\d+)", listed, re.DOTALL)]
    assert room
    assert min(room) >= 4 << 20


def received(host: Any) -> tuple[int, int]:
    """Packets and bytes that the LAN host has received."""
    (link,) = json.loads(host.run("ip", "-json", "-s", "link", "show", "eth0").stdout)
    return link["stats64"]["rx"]["packets"], link["stats64"]["rx"]["bytes"]


def is_fragment(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and bool(struct.unpack("!H", frame[20:22])[0] & 0x3FFF & ~0x4000)


def stream(up: Pair, size: int) -> list[bytes]:
    """Send *size* bytes by TCP from A's host to B's; return the underlay's frames."""
    listener = up.b.lan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    sender = up.a.lan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    with closing(listener), closing(sender), closing(up.underlay.namespace.packet_socket("wan1")) as capture:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((up.b.host, 5002))
        listener.listen()
        sender.settimeout(10)
        sender.connect((up.b.host, 5002))
        far, _ = listener.accept()
        with closing(far):
            far.settimeout(10)
            push = threading.Thread(target=sender.sendall, args=(bytes(size),))
            push.start()
            count = 0
            while count < size:
                count += len(far.recv(65536))
            push.join()
        capture.setblocking(False)
        return list(frames(capture))


def test_pre_shared_keys(up: Pair) -> None:
    up.apply(authentication="psk")
    up.wait_established()
    assert up.a.lan.pings(up.b.host)


def test_a_wrong_key_brings_no_tunnel_and_no_plain_packet(up: Pair) -> None:
    up.apply(psks=("one", "two"), authentication="psk")
    up.wait(lambda: not up.a.children() and not up.b.children(), "the old tunnel is gone")
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        canary = f"canary {time.monotonic_ns()}".encode()
        wire, arrived = up.exchange(canary)
        assert not arrived
        assert not any(canary in frame for frame in wire)
        assert not up.a.children()
    up.apply(psks=("two", "two"), authentication="psk")
    up.wait_established()


def test_integrity_only_shows_the_packet_inside_esp(up: Pair) -> None:
    up.apply(encryption="integrity-only")
    up.wait(lambda: any(child["encryption"] == "NULL" for child in up.a.children()), "a child SA with NULL encryption")
    up.wait_established()
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = up.exchange(canary)
    assert arrived
    carriers = [frame for frame in wire if canary in frame]
    assert carriers
    assert all(esp_of(frame) for frame in carriers)
    child = up.a.children()[-1]
    assert child["integrity"] == "HMAC_SHA2_256_128"
    (sa,) = [sa for sa in json.loads(up.a.vnf.exec("/vnf/keys").stdout)["sas"] if sa["spi"] == child["spi_out"]]
    assert (sa["encryption"], sa["integrity"], len(sa["integrity_key"])) == ("NULL", "HMAC_SHA2_256_128", 64)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"esp_proposal": "rot13"}, "ipsec"),
        ({"encryption": "off"}, "ipsec.encryption"),
        ({"authentication": "psk"}, "ipsec.peers[0].psk"),
    ],
)
def test_a_bad_intent_leaves_the_tunnel_alone(up: Pair, change: dict[str, Any], path: str) -> None:
    before = up.a.vnf.status()
    refused = up.a.vnf.apply({**up.a.intent, "ipsec": {**up.a.intent["ipsec"], **change}})
    assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, path)
    after = up.a.vnf.status()
    assert after["intent_sha256"] == before["intent_sha256"]
    assert [c["spi_in"] for c in after["peers"][0]["children"]] == [c["spi_in"] for c in before["peers"][0]["children"]]
    assert up.a.lan.pings(up.b.host)


def test_no_peer_no_plain_forwarding(up: Pair) -> None:
    for site in (up.a, up.b):
        site.vnf.applied({**site.intent, "ipsec": {**site.intent["ipsec"], "peers": []}})
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = up.exchange(canary)
    assert not arrived
    assert not any(canary in frame for frame in wire)


def probed(site: Site, *changes: tuple[str, Any], expected: int = 0) -> Any:
    """What /vnf/probe prints of the peer, or its refusal when it shall end with another code than 0."""
    (peer,) = site.intent["ipsec"]["peers"]
    target = {"name": peer["name"], "address": peer["subnets"][0].replace("0/24", "1")}
    answer = site.vnf.exec("/vnf/probe", stdin=json.dumps({"echoes": 5, "peers": [target], **dict(changes)}))
    assert answer.returncode == expected, answer.stderr
    return json.loads(answer.stderr if expected else answer.stdout)


@pytest.mark.parametrize("which", ["a", "b"])
def test_a_probe_takes_its_time_inside_the_tunnel(up: Pair, which: str) -> None:
    site = getattr(up, which)
    before = site.children()[-1]
    with closing(up.underlay.namespace.packet_socket("wan1")) as capture:
        answer = probed(site)
        capture.setblocking(False)
        assert not list(plain_icmp(frames(capture)))
    assert (answer["kind"], answer["name"], answer["source"]) == ("ipsec", "gateway", f"10.{site.number}.0.1")
    (peer,) = answer["peers"]
    assert (peer["name"], len(peer["round_trips_ms"])) == (f"site-{3 - site.number}", 5)
    assert all(0 < milliseconds < 1000 for milliseconds in peer["round_trips_ms"])
    after = site.children()[-1]
    assert after["packets_out"] - before["packets_out"] == after["packets_in"] - before["packets_in"] == 5


def test_a_probe_of_a_dead_tunnel_finds_nothing_and_sends_nothing_plain(up: Pair) -> None:
    lost = [None] * 5
    up.underlay.run("ip", "link", "set", "wan2", "down")
    try:
        assert [peer["round_trips_ms"] for peer in probed(up.a)["peers"]] == [lost]
    finally:
        up.underlay.run("ip", "link", "set", "wan2", "up")
    for site in (up.a, up.b):
        site.vnf.applied({**site.intent, "ipsec": {**site.intent["ipsec"], "peers": []}})
    with closing(up.underlay.namespace.packet_socket("wan1")) as capture:
        assert [peer["round_trips_ms"] for peer in probed(up.a)["peers"]] == [lost]
        capture.setblocking(False)
        assert not list(plain_icmp(frames(capture)))


def test_the_gateway_hears_no_plain_packet_for_its_lan_address(up: Pair) -> None:
    up.underlay.run("ip", "address", "replace", "198.51.100.9/24", "dev", "underlay")
    up.underlay.run("ip", "route", "replace", "10.1.0.1", "via", "198.51.100.1")
    assert up.underlay.pings("198.51.100.1")
    assert not up.underlay.pings("10.1.0.1")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("echoes", 0), "echoes"),
        (("echoes", 51), "echoes"),
        (("peers", []), "peers"),
        (("peers", [{"name": "site-2", "address": "10.2.0.1; reboot"}]), "peers[0].address"),
        (("port", 7), "port"),
    ],
)
def test_a_probe_of_something_else_is_refused(up: Pair, change: tuple[str, Any], path: str) -> None:
    assert probed(up.a, change, expected=2)["path"] == path


def plain_icmp(wire: Iterator[bytes]) -> Iterator[bytes]:
    return (frame for frame in wire if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_ICMP)


@pytest.mark.parametrize("which", ["a", "b"])
def test_a_restart_brings_the_tunnel_back(up: Pair, which: str) -> None:
    site = getattr(up, which)
    began = time.monotonic()
    site.vnf.container.restart()
    assert time.monotonic() - began < 4, "SIGTERM ends the container at once"
    site.wire_up()
    site.vnf.wait_ready(site.intent)
    up.wait_established()
    assert up.a.lan.pings(up.b.host)


def test_secrets_stay_out_of_logs_and_arguments(up: Pair) -> None:
    up.apply(psks=("very-secret-psk",) * 2, authentication="psk")
    up.wait_established()
    logs = up.a.vnf.container.logs().decode()
    assert "very-secret-psk" not in logs
    assert "PRIVATE" not in logs
    key = next(iter(keys_of(up.a.vnf).values()))[2]
    assert key[:16] not in logs.replace(" ", "").lower()
