"""The single steps of a change on one uCPE, and the stack that undoes them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from orchestrator.model import UcpeError, UcpeRefused, VnfError, VnfStateUnknown, apply_refused
from orchestrator.plan import ContainerPlan, Flow, NetworkPlan, PortPlan, service_cookie
from orchestrator.southbound.contract import Switch, Uplink
from orchestrator.southbound.docker import ContainerSpec, NetworkSpec
from orchestrator.southbound.ports import InternalPort
from orchestrator.southbound.reconnect import on_connection
from orchestrator.southbound.rules import Rule, difference, messages
from orchestrator.ucpe.survey import OWNER_MASK, owned, port_names, show_rule
from orchestrator.vnf_contract import status_findings

T = TypeVar("T")
Undo = Callable[[], Awaitable[None]]

KILLED = 137
"""The exit code of a program that SIGKILL has ended, 128 + 9, as the end of its container does."""

READY_SECONDS, READY_PAUSE = 20.0, 0.5
"""How long a VNF that has taken its intent may not be ready, and the time between two looks."""


class UndoStack:
    """How to undo the steps of a change that were begun, each with what messages call it."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Undo]] = []

    def push(self, what: str, undo: Undo) -> None:
        """Add a step. Call it as soon as the step that it undoes may have had an effect."""
        self._entries.append((what, undo))

    async def unwind(self) -> tuple[str, ...]:
        """Undo all, last first; what could not be undone, in words."""
        failed = []
        while self._entries:
            what, undo = self._entries.pop()
            try:
                await undo()
            except UcpeError as error:
                failed.append(f"{what} could not be undone: {error.message}")
        return tuple(failed)


class Stopwatch:
    """Seconds by stage; a stage that comes twice adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds that the block takes to a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 4)


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """Run at once and wait for all, even when one fails: a request that went out cannot be called back. Then raise."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def internal_port(port: PortPlan) -> InternalPort:
    """The port as OVSDB is asked for it."""
    return InternalPort(port.name, port.mtu, port.external_ids)


def network_spec(network: NetworkPlan) -> NetworkSpec:
    """The network as the Docker Engine is asked for it."""
    return NetworkSpec(network.name, network.parent, network.subnet, network.gateway, network.labels)


def intent_bytes(intent: Mapping[str, Any]) -> bytes:
    """The intent as a VNF gets it, the same bytes for the same values."""
    return json.dumps(intent, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def container_spec(container: ContainerPlan) -> ContainerSpec:
    """The container as the Docker Engine is asked for it."""
    return ContainerSpec(
        name=container.name,
        image=container.image,
        capabilities=container.capabilities,
        devices=container.devices,
        sysctls=container.sysctls,
        labels=container.labels,
        addresses={attachment.network: attachment.address for attachment in container.attachments},
    )


async def apply_intent(uplink: Uplink, container: ContainerPlan) -> None:
    """Hand a running VNF its intent; VnfError when it refuses, its old state is then kept, or does not run."""
    ended = f"/vnf/apply came to no end ({{}}); see 'docker logs {container.name}' on the uCPE"
    try:
        result = await uplink.docker.run(container.name, ["/vnf/apply"], intent_bytes(container.intent))
    except UcpeRefused as error:
        raise VnfStateUnknown(uplink.ucpe.id, container.vnf, ended.format(error.message)) from error
    if result.code == KILLED:
        raise VnfStateUnknown(uplink.ucpe.id, container.vnf, ended.format("it was killed, as when its container ends"))
    if result.code != 0:
        message, path = complaint(result.stderr or result.stdout)
        raise VnfError(uplink.ucpe.id, container.vnf, f"{apply_refused(result.code)}: {message}", path)


async def check_status(uplink: Uplink, container: ContainerPlan, labels: Mapping[str, str]) -> None:
    """Hold the status of a VNF that has taken its intent against the VNF contract; VnfError says what breaks it.

    An engine that is late to answer, as on a machine with too much to do, counts as one that does not run. So a VNF
    that is not ready is asked again for READY_SECONDS.
    """
    end = time.monotonic() + READY_SECONDS
    status, problem = await read_status(uplink, container.name)
    while status and status.get("ready") is False and time.monotonic() < end:
        await asyncio.sleep(READY_PAUSE)
        status, problem = await read_status(uplink, container.name)
    if status is None:
        raise VnfError(uplink.ucpe.id, container.vnf, str(problem))
    digest = hashlib.sha256(intent_bytes(container.intent)).hexdigest()
    if wrong := status_findings(status, container.kind, labels, digest):
        raise VnfError(uplink.ucpe.id, container.vnf, f"/vnf/status breaks the VNF contract: {'; '.join(wrong)}")


async def read_status(uplink: Uplink, container: str) -> tuple[Mapping[str, Any] | None, str | None]:
    """What `/vnf/status` printed, or why there is nothing."""
    try:
        result = await uplink.docker.run(container, ["/vnf/status"])
    except UcpeError as error:
        return None, error.message
    if result.code != 0:
        return None, f"/vnf/status ended with {result.code}: {complaint(result.stderr or result.stdout)[0]}"
    try:
        status = json.loads(result.stdout)
    except ValueError:
        return None, "/vnf/status printed no JSON"
    return (status, None) if isinstance(status, dict) else (None, "/vnf/status printed no JSON object")


def complaint(output: bytes) -> tuple[str, str | None]:
    """Error and place out of a VNF's JSON error, or its last line when it is something else."""
    lines = output.decode(errors="replace").strip().splitlines() or ["no message"]
    try:
        error = json.loads(lines[-1])
        return str(error["error"]), error.get("path")
    except (ValueError, TypeError, KeyError, AttributeError):
        return lines[-1][:500], None


def rules_of(uplink: Uplink, flows: Iterable[Flow], numbers: Mapping[str, int]) -> tuple[Rule, ...]:
    """Flows with the switch's port numbers; UcpeRefused when a port is missing."""
    missing = sorted({name for flow in flows for name in (flow.in_port, flow.output)} - set(numbers))
    if missing:
        problem = f"bridge {uplink.ucpe.bridge} has no port {', '.join(missing)}"
        raise UcpeRefused(uplink.ucpe.id, "ovsdb", problem)
    return tuple(
        Rule(flow.priority, (("in_port", numbers[flow.in_port]),), (numbers[flow.output],), cookie=flow.cookie)
        for flow in flows
    )


async def set_rules(
    uplink: Uplink,
    service_id: str,
    wanted: tuple[Rule, ...],
    begins: Callable[[tuple[Rule, ...]], None] = lambda _before: None,
) -> None:
    """Make the service's rules exactly these, by one bundle with the difference, and read back.

    `begins` is told the rules of now before the first commit: where the connection is lost after one, nobody knows
    whether it was carried out. Raises UcpeRefused when a rule of somebody else has the same priority and match, when
    the switch refuses the bundle (all is as before then), or when the rules are not as asked afterwards.
    """
    begun = False

    async def work(switch: Switch) -> None:
        nonlocal begun
        installed = [item.rule for item in await switch.dump()]
        own = tuple(rule for rule in installed if owned(rule, service_id))
        await _refuse_clashes(uplink, {rule.key: rule for rule in installed if rule not in own}, wanted)
        changes = difference(own, wanted)
        if changes and not begun:  # a repetition may find what it committed itself
            begins(own)
            begun = True
        await switch.commit(messages(changes, OWNER_MASK))
        present = await switch.dump(service_cookie(service_id, 0), OWNER_MASK)
        if left := difference([item.rule for item in present], wanted):
            raise UcpeRefused(uplink.ucpe.id, "openflow", f"after the commit the switch has other rules: {left}")

    await on_connection(uplink.switch, work)


async def _refuse_clashes(uplink: Uplink, foreign: Mapping[Any, Rule], wanted: Iterable[Rule]) -> None:
    for rule in wanted:
        if clash := foreign.get(rule.key):
            names = port_names(await uplink.ports.list())
            problem = (
                f"rule {show_rule(rule, names)} would overwrite {show_rule(clash, names)}, whose cookie "
                f"{clash.cookie:#018x} is not of this service; is another service on the same port?"
            )
            raise UcpeRefused(uplink.ucpe.id, "openflow", problem)
