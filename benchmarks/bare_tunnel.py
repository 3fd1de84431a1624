"""The yardstick: a bare tunnel between two strongSwan containers, no switch and no other VNF in between."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from docker.models.containers import Container

from testbed.host.engine import engine
from testbed.host.namespace import Namespace
from testbed.host.process import Process
from testbed.images.recipes import reference
from testbed.ownership import reap
from testbed.ownership.owner import Owner
from testbed.polling import poll

IMAGE = reference("lso/vnf-strongswan")
SITES = (("left", "10.81.0", "192.0.2.1"), ("right", "10.82.0", "192.0.2.2"))


@contextmanager
def bare_tunnel() -> Iterator[tuple[Namespace, Namespace, str]]:
    """Yield the namespaces of a host at either end of an established tunnel, and the right host's address.

    Raises RuntimeError when no tunnel comes up.
    """
    owner = Owner.create("bare-tunnel")
    with ExitStack() as stack:
        stack.callback(reap.remove, owner)
        gateways = [stack.enter_context(_gateway(owner, site)) for site, _, _ in SITES]
        hosts = [owner.make_namespace(f"host-{site}") for site, _, _ in SITES]
        _wire(gateways, hosts)
        key = uuid.uuid4().hex
        for index, container in enumerate(gateways):
            _apply(container, _intent(index, key))
        if not poll(lambda: _established(gateways[0]), 10):
            raise RuntimeError(f"the bare tunnel did not come up: {_status(gateways[0])}")
        yield hosts[0], hosts[1], f"{SITES[1][1]}.10"
        for host in hosts:
            host.run(["ip", "link", "delete", "eth0"])


@contextmanager
def _gateway(owner: Owner, name: str) -> Iterator[Container]:
    container = engine().containers.run(
        IMAGE,
        detach=True,
        network_mode="none",
        cap_drop=["ALL"],
        cap_add=["NET_ADMIN", "NET_BIND_SERVICE"],  # without a network Docker leaves low ports privileged
        devices=["/dev/net/tun"],
        sysctls={"net.ipv4.ip_forward": "1"},
        labels=owner.labels(name),
    )
    try:
        container.reload()
        yield container
    finally:
        container.remove(force=True)


def _wire(gateways: list[Container], hosts: list[Namespace]) -> None:
    processes = [_process(container) for container in gateways]
    inside = [Namespace.of(process) for process in processes]
    wan = [f"netns {process.pid} address {_mac(index, 'wan')}" for index, process in enumerate(processes)]
    inside[0].run(["ip", "link", "add", "wan", *wan[0].split(), "type", "veth", "peer", "name", "wan", *wan[1].split()])
    for index, (namespace, host) in enumerate(zip(inside, hosts, strict=True)):
        net = SITES[index][1]
        peer = ["type", "veth", "peer", "name", "eth0", "netns", host.path]
        namespace.run(["ip", "link", "add", "lan", "address", _mac(index, "lan"), *peer])
        address = f"address add {net}.10/24 dev eth0\nroute add default via {net}.1\n"
        host.run(["ip", "-batch", "-"], input=f"link set lo up\nlink set eth0 mtu 1400 up\n{address}")


def _mac(index: int, role: str) -> str:
    return f"02:42:00:00:0{index}:0{1 if role == 'lan' else 2}"


def _intent(index: int, key: str) -> dict[str, Any]:
    (site, net, address), (other, other_net, other_address) = SITES[index], SITES[1 - index]
    return {
        "contract": "1",
        "kind": "ipsec",
        "name": "ipsec",
        "ports": [
            {"role": "lan", "mac": _mac(index, "lan"), "mtu": 1400, "addresses": [f"{net}.1/24"]},
            {"role": "wan", "mac": _mac(index, "wan"), "mtu": 1500, "addresses": [f"{address}/24"], "gateway": None},
        ],
        "ipsec": {
            "authentication": "psk",
            "encryption": "required",
            "export_keys": False,
            "local": {"address": address, "identity": site, "subnets": [f"{net}.0/24"]},
            "peers": [
                {
                    "name": other,
                    "address": other_address,
                    "identity": other,
                    "subnets": [f"{other_net}.0/24"],
                    "psk": key,
                    "initiate": index == 0,
                }
            ],
            "ike_proposal": "aes256gcm16-prfsha384-ecp384",
            "esp_proposal": "aes256gcm16-ecp384",
        },
    }


def _apply(container: Container, intent: dict[str, Any]) -> None:
    command = _process(container).command(["/vnf/apply"])
    subprocess.run(command, check=True, input=json.dumps(intent), capture_output=True, text=True, timeout=60)


def _process(container: Container) -> Process:
    return Process.of(container.attrs["State"]["Pid"], f"container {container.name}", container=str(container.id))


def _status(container: Container) -> dict[str, Any]:
    output = cast(bytes, container.exec_run("/vnf/status").output)  # an iterator only when it is asked for as a stream
    status: dict[str, Any] = json.loads(output)
    return status


def _established(container: Container) -> bool:
    peers = _status(container).get("peers", [])
    return any(child["state"] == "INSTALLED" for peer in peers for child in peer["children"])
