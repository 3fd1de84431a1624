"""A scenario's lab with its service ordered: what a run, a benchmark and a test start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from scenarios.file.format import Scenario
from scenarios.network.conservation import note_early, settled_count
from scenarios.network.digests import digested
from scenarios.network.management_audit import management_audited
from scenarios.network.underlay_audit import audited
from scenarios.ordering.face import Face
from scenarios.ordering.ordering_client import OrderingClient
from scenarios.ordering.presto_client import PrestoClient
from scenarios.steps.clock import Clock
from scenarios.steps.context import Context
from testbed.images import build, store
from testbed.lab import Lab
from testbed.progress import Listener, silent
from testbed.threads import in_parallel
from testbed.traffic import ping

ApiStarter = Callable[[Path, Path, Scenario], AbstractContextManager[str]]
"""Starts a Presto server on an inventory file with a database file and what a scenario chooses; yields its URL."""

DATABASE = "presto.db"
REACHED_SECONDS = 30.0


class SessionError(RuntimeError):
    """The test-bed could not bring a scenario to where its steps begin."""


def new_lab(scenario: Scenario, progress: Listener = silent) -> Lab:
    """Return the scenario's lab, not started; images that are out of date are built first."""
    products = {name for chosen in scenario.products.values() for name in chosen.values()}
    build.build(progress, products)
    spec = scenario.lab_spec()
    for make in sorted({site.make for site in spec.sites}):
        build.build_ucpe(make, progress)
    return Lab.create(spec, progress=progress, store=store.current(products))


def open_face(scenario: Scenario, url: str) -> Face:
    """Return a client of the face that the scenario orders through."""
    return OrderingClient(url) if scenario.service.face == "mef-ordering" else PrestoClient(url)


def order(context: Context) -> None:
    """Remember what each uCPE is like and has counted, then order the service; ``PrestoError`` when it is refused."""
    sites = context.service_sites()
    context.baselines = context.snapshots(sites)
    in_parallel(lambda site: context.counted.update({site: settled_count(context, site)}), sites)
    context.ordered_at = context.clock.now()
    context.service_id = context.face.order(context.scenario.service)


def start(lab: Lab, api: AbstractContextManager[str], stack: ExitStack) -> str:
    """Start *lab* and meanwhile *api*, to which the lab's inventory tells where the uCPEs will be; return its URL.

    The API ends with *stack*, and so shall the lab.
    """
    lab.prepare()
    with ThreadPoolExecutor(max_workers=1) as pool:
        url = pool.submit(stack.enter_context, api)
        lab.start()
    return url.result()


@contextmanager
def opened(scenario: Scenario, start_api: ApiStarter, clock: Clock) -> Iterator[Context]:
    """Yield the context of a new lab with an API that nothing was ordered through yet."""
    with clock.phase("check the images"):
        lab = new_lab(scenario)
    with ExitStack() as stack:
        stack.push(lab)
        with clock.phase("start the lab"):
            url = start(lab, start_api(lab.inventory, lab.folder / DATABASE, scenario), stack)
        management = stack.enter_context(management_audited(lab))
        face = stack.enter_context(open_face(scenario, url))
        audit = stack.enter_context(audited(scenario, lab))
        digests = stack.enter_context(digested(scenario, lab))
        yield Context(scenario, lab, face, clock, audit, management, digests=digests, engines=dict(lab.engines))


@contextmanager
def ordered(scenario: Scenario, start_api: ApiStarter) -> Iterator[Context]:
    """Yield the context of a lab whose service is active and whose first two hosts reach each other."""
    with opened(scenario, start_api, Clock(lambda _name: None)) as context:
        order(context)
        _await_reachable(context)
        for site in context.service_sites():
            note_early(context, site)
        yield context


def _await_reachable(context: Context) -> None:
    source, target = [context.host(name) for name in list(context.lab.hosts)[:2]]
    end = context.clock.now() + REACHED_SECONDS
    while not ping(source.namespace, target.ip, count=1, wait=0.5).received:
        details = context.settled() or {}
        reason = context.face.error(details) if details else ""
        if reason or context.clock.now() > end:
            raise SessionError(f"the sites do not reach each other: {reason or 'no answer'}")
