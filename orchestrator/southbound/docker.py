"""Docker Engine API of a uCPE: networks on its ports, containers of VNFs, their files and commands.

The low-level client of the Docker SDK, one HTTP request a call, in threads.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig

from orchestrator.inventory import Ucpe
from orchestrator.model import UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.southbound.exec import ExecFailed, ExecResult, run_exec
from orchestrator.vnf_contract import label_findings

ANSWER_SECONDS = 30
"""A loaded engine may take seconds to start a container."""
THREADS = 8
"""More than a small uCPE starts at once with profit."""
API_VERSION = re.compile(r"\d{1,4}\.\d{1,4}")
ENDPOINT_HINT = "look at `docker` of this uCPE in the inventory"
LOG_LIMITS = {"max-size": "1m", "max-file": "1"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A macvlan network in mode passthru: its one container gets the port `parent` as its interface."""

    name: str
    parent: str
    subnet: str
    gateway: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to create. `addresses` maps its networks to its IPv4 address in each, in order of attachment."""

    name: str
    image: str
    capabilities: Sequence[str]
    devices: Sequence[str]
    sysctls: Mapping[str, str]
    labels: Mapping[str, str]
    addresses: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContainerEntry:
    """A container as the engine lists it; `state` is Docker's word (`created`, `running`, `exited` …)."""

    id: str
    name: str
    image: str
    state: str
    labels: Mapping[str, str]
    networks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """A network as the engine lists it."""

    id: str
    name: str
    parent: str | None
    subnet: str | None
    gateway: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VnfImage:
    """An image with the labels of the VNF contract."""

    image: str
    kind: str
    vendor: str
    version: str
    contract: str


class NoEngine(DockerException):
    """Something answers in the engine's place."""


class _Client(APIClient):
    """Proxies and netrc of the environment are not for a management network, and cost time in each request."""

    trust_env = property(lambda self: False, lambda self, value: None)

    def _retrieve_server_version(self) -> str:
        """`/_ping` tells the API version too; `/version` makes the engine run its helpers to ask them for theirs."""
        response = self._get(self._url("/_ping", versioned_api=False))  # type: ignore[attr-defined]  # not in the stubs
        version = str(response.headers.get("Api-Version", ""))
        if not API_VERSION.fullmatch(version):
            got = f"HTTP {response.status_code} with Api-Version {version[:20]!r}"
            raise NoEngine(f"what answers at {self.base_url} is no Docker Engine: /_ping gives {got}; {ENDPOINT_HINT}")
        return version


class DockerEngine:
    """One uCPE's engine."""

    def __init__(self, ucpe: str, client: APIClient, pool: ThreadPoolExecutor) -> None:
        self._ucpe = ucpe
        self._client = client
        self._pool = pool
        # The engine opens its network database anew for each change and sleeps 50 ms when another thread has it, so
        # changes of networks one by one are faster than side by side: 6 networks 27 ms against 220 ms.
        self._network_database = asyncio.Lock()

    @classmethod
    async def connect(cls, ucpe: Ucpe) -> DockerEngine:
        """Agree on the API version in one round trip. Raises UcpeUnreachable."""
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"docker-{ucpe.id}")
        try:
            client = await asyncio.get_running_loop().run_in_executor(pool, _guarded, ucpe.id, _client, ucpe)
        except BaseException:
            pool.shutdown(wait=False)
            raise
        return cls(ucpe.id, client, pool)

    async def close(self) -> None:
        """End the connections."""
        self._client.close()
        self._pool.shutdown(wait=False)

    async def version(self) -> tuple[str, str]:
        """The engine's version and that of its API."""
        found = await self._call(self._client.version)
        return str(found["Version"]), str(found["ApiVersion"])

    async def info(self) -> Mapping[str, Any]:
        """What the engine tells of itself and its machine (`GET /info`)."""
        return dict(await self._call(self._client.info))

    async def vnf_images(self) -> tuple[VnfImage, ...]:
        """The images that say they are VNFs, by name."""
        listed = await self._call(self._client.images, filters={"label": "lso.vnf.kind"})
        found = (_vnf_image(name, item["Labels"]) for item in listed for name in item["RepoTags"] or ())
        return tuple(sorted(found, key=lambda image: image.image))

    async def networks(self, label: str) -> tuple[NetworkEntry, ...]:
        """The networks that have this label (`key` or `key=value`)."""
        listed = await self._call(self._client.networks, filters={"label": label})
        return tuple(_network(item) for item in listed)

    async def containers(self, label: str) -> tuple[ContainerEntry, ...]:
        """The containers that have this label, in whatever state."""
        listed = await self._call(self._client.containers, all=True, filters={"label": label})
        return tuple(_container(item) for item in listed)

    async def inspect(self, container: str) -> Mapping[str, Any]:
        """Docker's own description of a container."""
        return dict(await self._call(self._client.inspect_container, container))

    async def require_image(self, image: str, kind: str) -> Mapping[str, str]:
        """The labels of an image. UcpeRefused when the engine does not have it (nothing is ever pulled), and when they
        are not those that the VNF contract asks of that kind.
        """
        found = await self._call(self._client.inspect_image, image)
        labels: Mapping[str, str] = found["Config"]["Labels"] or {}
        if wrong := label_findings(labels, kind):
            raise UcpeRefused(self._ucpe, "docker", f"image {image} breaks the VNF contract: {'; '.join(wrong)}")
        return labels

    async def create_network(self, spec: NetworkSpec) -> None:
        """`internal` keeps Docker from setting a default route by the gateway, which is a mere placeholder."""
        pool = {"Subnet": spec.subnet, "Gateway": spec.gateway}
        async with self._network_database:
            await self._call(
                self._client.create_network,
                spec.name,
                driver="macvlan",
                options={"parent": spec.parent, "macvlan_mode": "passthru"},
                ipam={"Driver": "default", "Config": [pool]},
                internal=True,
                check_duplicate=True,
                labels=dict(spec.labels),
            )

    async def remove_network(self, name: str) -> None:
        """No error when it is gone already."""
        async with self._network_database:
            await self._call(_unless_gone, self._client.remove_network, name)

    async def create_container(self, spec: ContainerSpec) -> None:
        """Create and attach to all networks; not started. Nothing is left when a part fails."""
        await self._call(_create, self._client, spec)

    async def start(self, container: str) -> None:
        """Start a container that was created."""
        async with self._network_database:
            await self._call(self._client.start, container)

    async def remove_container(self, name: str) -> None:
        """Kill and remove, with its anonymous volumes; no error when it is gone already."""
        await self._call(_unless_gone, self._client.remove_container, name, force=True, v=True)

    async def run(self, container: str, command: Sequence[str], stdin: bytes | None = None) -> ExecResult:
        """Run a command in a running container, fed with `stdin` to its end, and wait for it."""
        return await self._call(run_exec, self._client, container, command, stdin)

    async def _call(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: _guarded(self._ucpe, function, *arguments, **options))


def _client(ucpe: Ucpe) -> APIClient:
    tls = ucpe.tls and TLSConfig(
        client_cert=(str(ucpe.tls.certificate), str(ucpe.tls.key)), ca_cert=str(ucpe.tls.ca), verify=True
    )
    return _Client(
        base_url=ucpe.docker, version="auto", tls=tls or False, timeout=ANSWER_SECONDS, max_pool_size=THREADS
    )


def _guarded(ucpe: str, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """The SDK's and its HTTP library's errors as ours."""
    try:
        return function(*arguments, **options)
    except (APIError, DockerException, requests.RequestException, OSError) as error:
        raise translate(ucpe, error) from error


def translate(ucpe: str, error: Exception) -> UcpeError:
    """The engine's refusal in its own words, or why there is no answer from it."""
    if isinstance(error, ImageNotFound):
        return UcpeRefused(ucpe, "docker", f"{error.explanation}; put the image into the uCPE's store first")
    if isinstance(error, APIError):
        return UcpeRefused(ucpe, "docker", str(error.explanation or error))
    if isinstance(error, ExecFailed):
        return UcpeRefused(ucpe, "docker", str(error))
    if isinstance(error, NoEngine):
        return UcpeUnreachable(ucpe, "docker", str(error))
    return UcpeUnreachable(ucpe, "docker", f"the engine does not answer: {_innermost(error)}")


def _innermost(error: BaseException) -> str:
    """HTTP libraries wrap the cause several times; the last one says what happened."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return getattr(error, "strerror", None) or str(error)


def _unless_gone(remove: Callable[..., None], name: str, **options: Any) -> None:
    try:
        remove(name, **options)
    except NotFound:
        return


def _create(client: Any, spec: ContainerSpec) -> None:
    first, *others = spec.addresses.items()
    host = client.create_host_config(
        network_mode=first[0],
        cap_drop=["ALL"],
        cap_add=list(spec.capabilities),
        devices=[f"{device}:{device}:rwm" for device in spec.devices],
        sysctls=dict(spec.sysctls),
        security_opt=["no-new-privileges"],
        # No policy starts again what `docker kill` has ended; this one does at the engine's next start.
        restart_policy={"Name": "always"},
        log_config={"Type": "json-file", "Config": LOG_LIMITS},
    )
    networking = client.create_networking_config({first[0]: client.create_endpoint_config(ipv4_address=first[1])})
    created = client.create_container(
        spec.image, name=spec.name, labels=dict(spec.labels), host_config=host, networking_config=networking
    )
    try:
        for network, address in others:
            client.connect_container_to_network(created["Id"], network, ipv4_address=address)
    except BaseException:
        _unless_gone(client.remove_container, created["Id"], force=True, v=True)
        raise


def _container(item: Mapping[str, Any]) -> ContainerEntry:
    attached = item["NetworkSettings"]["Networks"]
    return ContainerEntry(
        id=item["Id"],
        name=item["Names"][0].lstrip("/"),
        image=item["Image"],
        state=item["State"],
        labels=item["Labels"],
        networks={name: (entry["IPAMConfig"] or {}).get("IPv4Address", "") for name, entry in attached.items()},
    )


def _vnf_image(name: str, labels: Mapping[str, str]) -> VnfImage:
    values = (labels.get(f"lso.vnf.{label}", "") for label in ("kind", "vendor", "version", "contract"))
    return VnfImage(name, *values)


def _network(item: Mapping[str, Any]) -> NetworkEntry:
    pools = item["IPAM"]["Config"] or [{}]
    return NetworkEntry(
        id=item["Id"],
        name=item["Name"],
        parent=item["Options"].get("parent"),
        subnet=pools[0].get("Subnet"),
        gateway=pools[0].get("Gateway"),
        labels=item["Labels"],
    )
