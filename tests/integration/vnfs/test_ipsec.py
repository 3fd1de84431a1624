"""The IPsec gateway: what two of them agree on, and what the wire between them carries."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .gateways import Pair, esp_of, frames

RUN = "/dev/shm/vnf"  # noqa: S108  (in the container)
SWANCTL = (f"SWANCTL_DIR={RUN}/swanctl", f"STRONGSWAN_CONF={RUN}/strongswan.conf", "swanctl")


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
        ({"esp_proposal": "rot13"}, "ipsec.esp_proposal"),
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


def test_a_tunnel_that_the_peer_deletes_comes_back_at_once(up: Pair) -> None:
    """The initiator gave up for good: charon itself would never ask again."""
    before = up.a.children()[-1]["spi_in"]
    up.b.vnf.inside("env", *SWANCTL, "--terminate", "--ike", "site-1", "--timeout", "2")
    up.wait(lambda: any(child["spi_in"] != before for child in up.a.children()), "a new tunnel", timeout=10)
    up.wait_established()


@pytest.mark.parametrize("silent", [0, 30])
def test_tunnels_cost_no_processes(up: Pair, silent: int) -> None:
    """Neither one that stands nor those whose peers do not answer.

    The last field of /proc/loadavg is the newest process number of the container's own process namespace.
    """

    def newest() -> int:
        return int(up.a.vnf.inside("cat", "/proc/loadavg").split()[-1])

    ipsec = up.a.intent["ipsec"]
    dead = [
        {**ipsec["peers"][0], "name": f"dead-{one}", "identity": f"dead-{one}", "address": f"198.51.100.{100 + one}",
         "subnets": [f"10.9.{one}.0/24"], "initiate": True}
        for one in range(1, silent + 1)
    ]  # fmt: skip
    up.a.vnf.applied({**up.a.intent, "ipsec": {**ipsec, "peers": [*ipsec["peers"], *dead]}})
    first = newest()
    cost = newest() - first  # of asking
    time.sleep(6)  # the window that is looked at
    assert newest() - first - 2 * cost <= 3, "no program is started, whatever the number of tunnels"


def test_secrets_stay_out_of_logs_and_arguments(up: Pair) -> None:
    up.apply(psks=("very-secret-psk",) * 2, authentication="psk")
    up.wait_established()
    logs = up.a.vnf.container.logs().decode()
    assert "very-secret-psk" not in logs
    assert "PRIVATE" not in logs
    key = next(iter(keys_of(up.a.vnf).values()))[2]
    assert key[:16] not in logs.replace(" ", "").lower()
