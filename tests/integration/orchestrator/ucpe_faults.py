"""Faults planted in front of a uCPE and in it: a relay that changes answers, an engine with less than it needs."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from orchestrator.inventory import Ucpe
from orchestrator.southbound.tls import Endpoint, client_context
from testbed.lab import Lab
from testbed.pki import Authority, write_private
from testbed.polling import poll

Change = Callable[[bytes], bytes]
ENGINE_PORT = 2377
_SECOND_ENGINE = f"""
work=/var/lib/docker/second
mkdir -p $work/run
cp -a /golden/skeleton $work/root
sed -e "s|^root = .*|root = '$work/containerd'|" -e "s|^state = .*|state = '$work/run/containerd'|" \\
    -e "s|address = .*|address = '$work/run/containerd.sock'|" /etc/lso/containerd.toml >$work/containerd.toml
setpriv --bounding-set=-net_raw containerd --config $work/containerd.toml >$work/log 2>&1 &
echo $! >$work/pids
pki=/etc/lso/pki
dockerd --containerd $work/run/containerd.sock --host tcp://0.0.0.0:{ENGINE_PORT} \\
    --tls --tlsverify=false --tlscacert $pki/ca.pem --tlscert $pki/cert.pem --tlskey $pki/key.pem \\
    --data-root $work/root --exec-root $work/run/docker \\
    --pidfile $work/run/docker.pid --bridge none --iptables=false --ip6tables=false --ip-forward=false \\
    --ip-masq=false --userland-proxy=false --storage-driver overlay2 \\
    --exec-opt native.cgroupdriver=cgroupfs >>$work/log 2>&1 &
echo $! >>$work/pids
"""
_NO_SECOND_ENGINE = """
work=/var/lib/docker/second
tac $work/pids | while read -r pid; do kill $pid; tail --pid=$pid -f /dev/null; done
umount -l $work/run/docker/netns/* 2>/dev/null
rm -rf $work
"""


@contextlib.contextmanager
def second_engine(lab: Lab, site: str) -> Iterator[str]:
    """The address of an engine in the uCPE that lets in everybody, and whose containers cannot have NET_RAW."""
    node = lab.ucpes[site]
    node.exec(["bash", "-c", _SECOND_ENGINE])
    try:
        listening = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{ENGINE_PORT}"]
        assert poll(lambda: node.exec(listening, check=False).returncode == 0, 30), node.exec(
            ["cat", "/var/lib/docker/second/log"]
        ).stdout
        yield f"tcp://{node.address}:{ENGINE_PORT}"
    finally:
        node.exec(["bash", "-c", _NO_SECOND_ENGINE])


@contextlib.asynccontextmanager
async def relay(
    ucpe: Ucpe, endpoint: Endpoint, folder: Path, authority: Authority, change: Change, name: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """The port of a relay to *endpoint* that wants a client's certificate and shows one for *name*."""
    context = _serving(ucpe, folder, authority, name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await endpoint.open(client_context(ucpe))
        await asyncio.gather(_forward(reader, to_there, bytes), _forward(there, writer, change))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(change(data))
            await writer.drain()
    writer.close()


def _serving(ucpe: Ucpe, folder: Path, authority: Authority, name: str) -> ssl.SSLContext:
    assert ucpe.tls
    pair = authority.issue("relay", [name])
    for file, text in (("certificate", pair.certificate), ("key", pair.key)):
        write_private(folder / file, text)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ucpe.tls.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context
