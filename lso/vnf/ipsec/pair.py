"""The product and another gateway, each in front of a LAN host, on one underlay where every frame is captured."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lso.vnf.faults import ProductFault
from lso.vnf.kinds import ESP_PROPOSAL, Kind
from lso.vnf.references import REFERENCES
from lso.vnf.rig import BACK_SECONDS, Rig
from lso.vnf.session import Session
from lso.vnf.subject import Subject, subject
from testbed.bench import Bench, Host
from testbed.packets.wire import RECEIVE_BUFFER, SO_RCVBUFFORCE
from testbed.pki import Authority
from testbed.polling import poll
from testbed.progress import silent

PORT = 7777
ARRIVAL_SECONDS = 2.0
LAN_MTU = 1400
Json = dict[str, Any]


@dataclass
class Gateway(Rig):
    """A gateway and its LAN: *number* 1 or 2 is in all of its addresses."""

    number: int = 0

    @property
    def host(self) -> str:
        """The address of the LAN host."""
        return f"10.{self.number}.0.10"

    @property
    def address(self) -> str:
        """The address on the underlay."""
        return f"198.51.100.{self.number}"

    def plug(self) -> None:
        """Wire the ports: one to the LAN host, one to the underlay's bridge."""
        super().plug()
        lan, wan = self.hosts["lan"], self.hosts["wan"]
        wan.run("ip", "link", "set", self.ports["wan"].peer_name, "master", "underlay")
        lan.run("ip", "address", "replace", f"{self.host}/24", "dev", "eth0")
        lan.run("ip", "link", "set", "eth0", "mtu", str(LAN_MTU))
        lan.run("ip", "route", "replace", "default", "via", f"10.{self.number}.0.1")

    def children(self) -> list[Json]:
        """The CHILD SAs that are installed, the newest last."""
        peers = self.status().get("peers", [])
        return [child for peer in peers for child in peer["children"] if child["state"] == "INSTALLED"]


@dataclass
class Pair:
    """*product* and *other*; *authority* signs certificates for both."""

    product: Gateway
    other: Gateway
    underlay: Host
    authority: Authority

    def apply(self, initiator: str = "product", psks: tuple[str, str] = ("one", "one"), **changes: Any) -> list[Json]:
        """Make intents so that *initiator* begins; the product gets the first key. Return the intents, ours first."""
        intents = []
        for gateway, psk, other in ((self.product, psks[0], self.other), (self.other, psks[1], self.product)):
            begins = (initiator == "product") is (gateway is self.product)
            intents.append(gateway.intent(self._config(gateway, other, psk, begins) | changes))
        # Who answers comes first: then the first message is not lost.
        order = (self.other, self.product) if initiator == "product" else (self.product, self.other)
        for gateway in order:
            gateway.applied(intents[gateway is self.other])
        return intents

    def certificates(self) -> dict[str, dict[str, str]]:
        """What `local` has for authentication by certificates, by identity."""
        found = {}
        for gateway in (self.product, self.other):
            identity = f"site-{gateway.number}"
            issued = self.authority.issue(identity, names=[identity])
            found[identity] = {
                "certificate": issued.certificate.decode(),
                "private_key": issued.key.decode(),
                "ca_certificate": self.authority.certificate.decode(),
            }
        return found

    def by_certificate(self, initiator: str) -> list[Json]:
        """As `apply`, with authentication by certificates."""
        issued, intents = self.certificates(), []
        for gateway, other in ((self.other, self.product), (self.product, self.other)):
            config = self._config(gateway, other, None, (initiator == "product") is (gateway is self.product))
            local = {**config["local"], **issued[config["local"]["identity"]]}
            intents.append(gateway.intent({**config, "authentication": "certificate", "local": local}))
            gateway.applied(intents[-1])
        return intents[::-1]

    def _config(self, gateway: Gateway, other: Gateway, psk: str | None, begins: bool) -> Json:
        peer = {
            "name": f"site-{other.number}",
            "address": other.address,
            "identity": f"site-{other.number}",
            "subnets": [f"10.{other.number}.0.0/24"],
            "psk": psk,
            "initiate": begins,
        }
        local = {
            "address": gateway.address,
            "identity": f"site-{gateway.number}",
            "subnets": [f"10.{gateway.number}.0.0/24"],
        }
        return {
            "authentication": "psk",
            "encryption": "required",
            "export_keys": False,
            "esp_proposal": ESP_PROPOSAL,
            "local": local,
            "peers": [peer],
        }

    def agreed(self) -> Json | None:
        """The product's newest CHILD SA, when the other gateway has the same one."""
        mine, theirs = self.product.children(), self.other.children()
        same = (
            mine
            and theirs
            and (mine[-1]["spi_in"], mine[-1]["spi_out"]) == (theirs[-1]["spi_out"], theirs[-1]["spi_in"])
        )
        return mine[-1] if same else None

    def wait_established(self, seconds: float = BACK_SECONDS) -> Json:
        """Wait until both have the tunnel; raises ProductFault with what each says of it."""
        found = poll(self.agreed, seconds, 0.2)
        if not found:
            told = [f"{name}: {_told(gateway)}" for name, gateway in (("product", self.product), ("other", self.other))]
            raise ProductFault(f"no tunnel within {seconds:.0f} s; {'; '.join(told)}")
        return found

    def exchange(self, forth: bool = True) -> tuple[bytes, list[bytes], bool]:
        """Send a datagram from the product's LAN host to the other's, or back.

        Return its payload, the frames on the underlay meanwhile, and whether it arrived.
        """
        near, far = (self.product, self.other) if forth else (self.other, self.product)
        canary = f"canary {time.monotonic_ns()} in clear text".encode()
        with contextlib.ExitStack() as stack:
            receiver = stack.enter_context(
                contextlib.closing(far.hosts["lan"].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM))
            )
            sender = stack.enter_context(
                contextlib.closing(near.hosts["lan"].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM))
            )
            capture = stack.enter_context(contextlib.closing(self.underlay.namespace.packet_socket("wan1")))
            capture.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
            receiver.bind((far.host, PORT))
            receiver.settimeout(ARRIVAL_SECONDS)
            sender.sendto(canary, (far.host, PORT))
            try:
                arrived = receiver.recv(2000) == canary
            except TimeoutError:
                arrived = False
            capture.setblocking(False)
            return canary, list(_waiting(capture)), arrived


def _waiting(capture: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield capture.recv(65535)
        except BlockingIOError:
            return


def _told(gateway: Gateway) -> str:
    """A gateway's peers, and the last line of its log."""
    state = gateway.status()
    ike = [(peer.get("ike") or {}).get("state", "no IKE SA") for peer in state.get("peers", [])]
    lines = gateway.vnf.container.logs(tail=1).decode(errors="replace").strip()
    return f"{', '.join(ike) or 'no peer'} ({lines[-160:] or 'it logged nothing'})"


def start(session: Session) -> Pair:
    """Start the product and the other gateway; the session's bench removes both."""
    bench = session.bench
    underlay = bench.host()
    underlay.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")  # a bridge talks by itself
    underlay.run("ip", "link", "add", "name", "underlay", "type", "bridge")
    underlay.run("ip", "link", "set", "underlay", "up")
    reference = subject(session.reference or REFERENCES[session.kind.name], None, silent)
    product = _gateway(1, session.subject, session.kind, bench, underlay)
    other = _gateway(2, reference, session.kind, bench, underlay)
    return Pair(product, other, underlay, Authority.create("vnf check"))


def _gateway(number: int, which: Subject, kind: Kind, bench: Bench, underlay: Host) -> Gateway:
    lan = bench.host()
    ports = {"lan": bench.port("lan", lan, "eth0"), "wan": bench.port("wan", underlay, f"wan{number}")}
    own = replace(
        kind,
        addresses={"lan": (f"10.{number}.0.1/24",), "wan": (f"198.51.100.{number}/24",)},
        gateway=f"198.51.100.{3 - number}",
    )
    vnf = bench.vnf(which.image, which.capabilities, which.devices, which.sysctls)
    gateway = Gateway(which, own, vnf, {"lan": lan, "wan": underlay}, ports, number=number)
    gateway.plug()
    return gateway
