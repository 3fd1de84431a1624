"""Bring one uCPE to a plan, or free it from a service, with an outcome that tells the truth."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from common.text import counted
from orchestrator.inventory import Ucpe
from orchestrator.model import (
    Action,
    Change,
    DeploymentOutcome,
    InventoryError,
    Result,
    Subject,
    UcpeError,
    UcpeRefused,
)
from orchestrator.plan import SitePlan, diff
from orchestrator.southbound.contract import Connect, Uplink
from orchestrator.southbound.uplink import connected
from orchestrator.ucpe.change import ChangeFailed, SiteChange, Tell
from orchestrator.ucpe.steps import Stopwatch, all_of, set_rules
from orchestrator.ucpe.survey import Present, Survey, present, survey


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a service on a uCPE: the plan that was reached, and the one that was being carried out when a
    change was interrupted or could not be undone.
    """

    plan: SitePlan | None = None
    attempt: SitePlan | None = None

    @property
    def settled(self) -> bool:
        """True when the last change came to its end."""
        return self.attempt is None

    @property
    def plans(self) -> tuple[SitePlan, ...]:
        """All that is recorded."""
        return tuple(plan for plan in (self.plan, self.attempt) if plan)


async def deploy_site(
    ucpe: Ucpe, desired: SitePlan, record: Record, tell: Tell, connect: Connect = connected
) -> tuple[DeploymentOutcome, Record]:
    """Make the uCPE as desired, touching only what differs; the outcome, and what is known of the uCPE afterwards."""
    work = _Deployment(ucpe, desired, record, tell, connect)
    try:
        result, after = await work.run()
        return work.outcome(result), after
    except (UcpeError, InventoryError) as error:  # before anything was touched
        return work.outcome(Result.ROLLED_BACK, error), record
    except ChangeFailed as error:
        if error.differences:
            return work.outcome(Result.INCONSISTENT, error, error.differences), Record(record.plan, desired)
        return work.outcome(Result.ROLLED_BACK, error), record


class _Deployment:
    def __init__(self, ucpe: Ucpe, desired: SitePlan, record: Record, tell: Tell, connect: Connect) -> None:
        self._ucpe = ucpe
        self._desired = desired
        self._record = record
        self._tell = tell
        self._connect = connect
        self._watch = Stopwatch()
        self._lines: tuple[Change, ...] = ()

    async def run(self) -> tuple[Result, Record]:
        async with session(self._ucpe, self._watch, self._connect) as uplink:
            with self._watch.stage("survey"):
                found = await survey(uplink, self._desired.service_id)
            self._check_ends(found)
            now = present(found, self._record.plans, self._record.settled)
            changes = diff(now.plan, self._desired)
            self._lines = (*_stale_lines(now), *changes.lines)
            self._tell("plan", counted(sum(_touches(line) for line in self._lines), "change"), None)
            await SiteChange(uplink, now, changes, self._tell, self._watch).run()
        result = Result.APPLIED if any(map(_touches, self._lines)) else Result.UNCHANGED
        self._tell("done", result.value, None)
        return result, Record(changes.after)

    def _check_ends(self, found: Survey) -> None:
        """The bridge must have the chain's outer ports; better to know before anything is made."""
        missing = [name for name in (self._desired.lan_port, self._desired.wan_port) if name not in found.numbers]
        if missing:
            problem = f"bridge {self._ucpe.bridge} has no port {', '.join(missing)} that works; plug it in first"
            raise UcpeRefused(self._ucpe.id, "ovsdb", problem)

    def outcome(
        self, result: Result, error: Exception | None = None, differences: tuple[str, ...] = ()
    ) -> DeploymentOutcome:
        if error:
            self._tell("failed", f"{result.value}: {error}", None)
        text = str(error) if error else None
        return DeploymentOutcome(self._ucpe.id, result, self._lines, self._watch.seconds, text, differences)


async def remove_site(ucpe: Ucpe, service_id: str, tell: Tell, connect: Connect = connected) -> DeploymentOutcome:
    """Free the uCPE from everything that is marked as the service's, in whatever state it is; go on after failures."""
    watch = Stopwatch()
    lines: tuple[Change, ...] = ()
    errors: list[str] = []
    left: tuple[str, ...] = ()
    try:
        async with session(ucpe, watch, connect) as uplink:
            with watch.stage("survey"):
                found = await survey(uplink, service_id)
            lines = tuple(Change(Action.REMOVE, *item, "service removed") for item in found.objects)
            for stage, work in _removal(uplink, found):
                try:
                    with watch.stage(stage):
                        await work()
                except UcpeError as error:
                    errors.append(str(error))
            with watch.stage("verify"):
                left = (await survey(uplink, service_id)).leftovers()
    except (UcpeError, InventoryError) as error:
        errors.append(str(error))
    result = Result.INCONSISTENT if errors or left else Result.REMOVED
    removed = f"{counted(len(lines), 'object')} removed"
    tell("failed" if errors or left else "removed", "; ".join(errors) or removed, None)
    return DeploymentOutcome(ucpe.id, result, lines, watch.seconds, "; ".join(errors) or None, left)


def _removal(uplink: Uplink, found: Survey) -> tuple[tuple[str, Callable[[], Awaitable[object]]], ...]:
    """The reverse of building: no traffic into VNFs that are going."""
    docker = uplink.docker
    return (
        ("flows", lambda: set_rules(uplink, found.service_id, ())),
        ("containers", lambda: all_of(docker.remove_container(item.id) for item in found.containers)),
        ("networks", lambda: all_of(docker.remove_network(item.id) for item in found.networks)),
        ("ports", lambda: uplink.ports.remove(found.ports)),
    )


@contextlib.asynccontextmanager
async def session(ucpe: Ucpe, watch: Stopwatch, connect: Connect) -> AsyncIterator[Uplink]:
    """An open uplink; the time to connect is the stage `connect`."""
    async with contextlib.AsyncExitStack() as stack:
        with watch.stage("connect"):
            uplink = await stack.enter_async_context(connect(ucpe))
        yield uplink


def _touches(line: Change) -> bool:
    return line.action is not Action.KEEP


def _stale_lines(now: Present) -> tuple[Change, ...]:
    return (
        *(Change(Action.REMOVE, Subject.CONTAINER, name, "does not run as it should") for name in now.containers),
        *(Change(Action.REMOVE, Subject.NETWORK, name, "its port is gone") for name in now.networks),
        *(Change(Action.REMOVE, Subject.PORT, port.name, "the switch cannot use it") for port in now.ports),
        *(Change(Action.REMOVE, Subject.FLOW, str(rule), "not of a chain") for rule in now.rules),
    )
