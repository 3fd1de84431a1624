from __future__ import annotations

import json
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.tls import TLSConfig

from testbed.host.engine import engine
from testbed.images.build import DIGEST
from testbed.images.recipes import wanted
from testbed.lab import Lab
from testbed.lab.readiness import NotReady, wait_until_ready
from testbed.pki import Authority, write_private
from testbed.polling import poll
from testbed.spec.model import LabSpec

PORTS = {"docker": 2376, "ovsdb": 6640, "openflow": 6653}


@pytest.fixture(scope="module")
def inner(lab: Lab) -> Iterator[docker.DockerClient]:
    """The engine of site-a, reached as the orchestrator reaches it: by the inventory alone."""
    ucpe = json.loads(lab.inventory.read_text())["ucpes"][0]
    tls = TLSConfig(
        client_cert=(ucpe["tls"]["certificate"], ucpe["tls"]["key"]), ca_cert=ucpe["tls"]["ca"], verify=True
    )
    client = docker.DockerClient(base_url=ucpe["docker"], tls=tls, version="1.41")
    client.api.trust_env = False  # a CA bundle named in the environment would replace the lab's
    yield client
    client.close()


def test_the_engine_answers_by_tls_and_has_the_images(inner: docker.DockerClient) -> None:
    assert tuple(map(int, inner.version()["ApiVersion"].split("."))) >= (1, 41)
    # Not by their ids: those are of the manifest where an engine keeps images in containerd's store, as Docker 29 does.
    here = {f"{name}:latest": digest for name, digest in wanted().items() if name.startswith("lso/vnf-")}
    there = {tag: image.labels[DIGEST] for image in inner.images.list() for tag in image.tags}
    assert here
    assert there == here
    assert inner.containers.list(all=True) == []


def test_a_container_runs_in_it_and_what_it_deletes_is_still_there_next_door(
    lab: Lab, inner: docker.DockerClient
) -> None:
    image = inner.images.list()[0].tags[0]
    run = inner.containers.run(
        image, entrypoint=["sh", "-c", "rm -r /vnf && sleep 1000"], detach=True, network_mode="none",
        cap_drop=["ALL"], cap_add=["NET_ADMIN"], devices=["/dev/net/tun"], mem_limit="64m",
    )  # fmt: skip
    try:
        assert poll(lambda: run.exec_run(["test", "-e", "/vnf"]).exit_code, 5)
        docker_run = ["docker", "-H", "unix:///run/docker.sock", "run", "--rm", "--network=none", "--entrypoint=ls"]
        other = lab.ucpes["site-b"].exec([*docker_run, image, "/vnf"])
        assert "apply" in other.stdout
        assert run.exec_run(["test", "-c", "/dev/net/tun"]).exit_code == 0
    finally:
        run.remove(force=True)


def test_it_is_not_privileged(lab: Lab) -> None:
    attributes = engine().containers.get(f"lso.{lab.id}.site-a").attrs
    assert attributes["HostConfig"]["Privileged"] is False
    assert attributes["HostConfig"]["CapDrop"] == ["ALL"]
    assert "SYS_MODULE" not in attributes["HostConfig"]["CapAdd"]
    assert not attributes["HostConfig"]["PortBindings"]
    assert set(attributes["NetworkSettings"]["Networks"]) == {f"lso-{lab.id}"}


def test_the_key_of_a_ucpe_is_nowhere_but_in_it(lab: Lab) -> None:
    key = lab.ucpes["site-a"].exec(["cat", "/etc/lso/pki/key.pem"]).stdout
    assert "PRIVATE KEY" in key
    files = [path for path in lab.folder.rglob("*") if path.is_file() and path.parent.name != "ns"]
    assert all(key not in path.read_text() for path in files)
    assert lab.ucpes["site-a"].exec(["stat", "-c", "%a", "/etc/lso/pki/key.pem"]).stdout == "600\n"


def talk(context: ssl.SSLContext, plain: socket.socket, name: str) -> bytes:
    """Return what the server says to a request; nothing when it ends the connection."""
    try:
        with context.wrap_socket(plain, server_hostname=name) as stream:
            stream.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return stream.recv(64)
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        plain.close()


@pytest.mark.parametrize("stranger", ["no certificate", "foreign certificate"])
@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS)
def test_every_port_refuses_strangers(lab: Lab, tmp_path: Path, port: int, stranger: str) -> None:
    endpoint = lab.endpoint("site-a")
    known = socket.create_connection((endpoint.address, port), timeout=5)
    assert talk(endpoint.context(), known, endpoint.address) != b"" or port == PORTS["ovsdb"]  # it waits for JSON
    context = ssl.create_default_context(cafile=str(endpoint.ca))
    if stranger == "foreign certificate":
        pair = Authority.create("someone else").issue("orchestrator")
        write_private(tmp_path / "cert", pair.certificate)
        write_private(tmp_path / "key", pair.key)
        context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    plain = socket.create_connection((endpoint.address, port), timeout=5)
    assert talk(context, plain, endpoint.address) == b""


def test_a_ucpe_proves_who_it_is(lab: Lab) -> None:
    endpoint = lab.endpoint("site-a")
    plain = socket.create_connection((endpoint.address, PORTS["docker"]), timeout=5)
    with plain, pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        endpoint.context().wrap_socket(plain, server_hostname=lab.endpoint("site-b").address)


def test_not_being_ready_is_told_with_the_reason(lab: Lab) -> None:
    with pytest.raises(NotReady, match=r"ports not ready after .* the bridge has no port wan7"):
        wait_until_ready(lab.endpoint("site-a"), ["lan0", "wan7"], 2376, 6640, 6653, deadline=0.2)


@pytest.mark.parametrize("daemon", ["ovsdb-server", "ovs-vswitchd", "dockerd", "containerd"])
def test_a_ucpe_ends_with_any_of_its_daemons(daemon: str, make_spec: Callable[[int], LabSpec]) -> None:
    with Lab.create(make_spec(1)) as lab:
        container = engine().api.containers(filters={"label": [f"lso.lab={lab.id}", "lso.node=site-a"]})[0]["Id"]
        processes = engine().api.top(container, ps_args="-eo pid,comm")["Processes"]
        (pid,) = [int(number) for number, name in processes if name == daemon]
        os.kill(pid, signal.SIGKILL)
        assert poll(lab.ucpes["site-a"].ended, 10)
        assert poll(lambda: not engine().api.inspect_container(container)["State"]["Running"], 10)
        assert engine().api.inspect_container(container)["State"]["ExitCode"] == 1
        assert "ended; the logs are in /var/log" in engine().api.logs(container).decode()
