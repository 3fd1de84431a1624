"""A sabotage done and undone in a lab: scripts at its nodes, and programs that run meanwhile."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from scenarios.network.chain import underlay
from scenarios.prove.plan import Application, Placed
from scenarios.prove.sabotage import HOST, LAN, NETWORK, UNDERLAY
from scenarios.steps.context import Context
from scenarios.steps.recorder import NetworkFault
from testbed.errors import ProbeError
from testbed.host.child_process import Child, start
from testbed.host.namespace import Namespace
from testbed.host.process import OBSERVER
from testbed.labels import LAB_VARIABLE
from testbed.nodes.node import PATH
from testbed.polling import poll

SCRIPT_SECONDS = 30.0
BEGIN_SECONDS = 10.0
EFFECT_SECONDS = 20.0
PAUSE_SECONDS = 0.1


class SabotageFailed(Exception):
    """A script of a sabotage did not do its work: nothing is known of what the assertions are worth."""


class UndoFailed(SabotageFailed):
    """The network may be broken still."""


@contextmanager
def applied(context: Context, application: Application) -> Iterator[None]:
    """Break the network for the length of the block.

    Raises :class:`SabotageFailed` when a script fails, :class:`UndoFailed` when that is one that undoes. When the block
    is interrupted nothing is undone: the lab is about to go.
    """
    with ExitStack() as programs, _undone(context, application.actions) as begun:
        for placed in application.actions:
            begun.append(placed)
            if placed.action.do:
                _run(context, placed, placed.action.do)
        for placed in application.actions:
            if placed.action.background:
                programs.enter_context(_background(context, placed))
        for placed in application.actions:
            _await_effect(context, placed)
        yield


@contextmanager
def _undone(context: Context, actions: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Undo at the end of the block what was appended to the list, the last first, all of it whatever fails."""
    begun: list[Placed] = []
    failed: list[str] = []

    def undo() -> None:
        for placed in reversed(begun):
            try:
                _run(context, placed, placed.action.undo)
            except SabotageFailed as error:
                failed.append(str(error))

    try:
        yield begun
    except Exception:
        undo()
        raise
    undo()
    if failed:
        raise UndoFailed("; ".join(failed))


def _await_effect(context: Context, placed: Placed) -> None:
    """Raise :class:`SabotageFailed` unless the network gets as broken as it is told to be."""
    failures = list[SabotageFailed]()

    def broken() -> bool:
        try:
            _run(context, placed, placed.action.effect)
        except SabotageFailed as failed:
            failures.append(failed)
            return False
        return True

    if not poll(broken, EFFECT_SECONDS, PAUSE_SECONDS):
        raise SabotageFailed(f"without effect: {failures[-1]}") from failures[-1]


def _run(context: Context, placed: Placed, script: str) -> None:
    if not script:
        return
    try:
        done = subprocess.run(
            _command(context, placed, script),
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as late:
        raise SabotageFailed(f"{_place(placed)}: not done after {SCRIPT_SECONDS:g} s: {_first(script)}") from late
    if done.returncode:
        output = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise SabotageFailed(f"{_place(placed)}: exit {done.returncode}: {' '.join(output) or _first(script)}")


@contextmanager
def _background(context: Context, placed: Placed) -> Iterator[None]:
    """Run a program for the length of the block, at work when it begins; all that it started ends with it."""
    command = _command(context, placed, placed.action.background)
    child = start(command, lab=context.lab.id, stdin=subprocess.DEVNULL)
    try:
        if not _says_something(child):
            raise SabotageFailed(f"{_place(placed)}: the program in the background does not say that it works")
        yield
        if child.poll() is not None:
            raise SabotageFailed(f"{_place(placed)}: the program in the background has ended: {_words(child)}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for stream in (child.stdout, child.stderr):
            if stream:
                stream.close()


def _says_something(child: Child) -> bool:
    """Wait for the first line of a program's output; tell whether it came in time."""
    output = child.stdout
    if output is None or not select.select([output], [], [], BEGIN_SECONDS)[0]:
        return False
    if not output.readline():
        raise SabotageFailed(f"the program in the background ended at once: {_words(child)}")
    return True


def _words(child: Child) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1)
    printed = child.stderr.read().strip().splitlines()[-1:] if child.stderr and child.poll() is not None else []
    return " ".join(printed) or "it said nothing"


def _command(context: Context, placed: Placed, script: str) -> list[str]:
    """Return the argument list that runs *script* at its place; raises :class:`SabotageFailed` when that is not there.

    Scripts at a uCPE or a VNF see its files, all others this machine's.
    """
    own = {"PATH": f"{PATH}:{os.environ.get('PATH', '')}", LAB_VARIABLE: context.lab.id, **dict(placed.environment)}
    argv = ["env", *(f"{name}={value}" for name, value in own.items()), "/bin/sh", "-euc", script]
    try:
        network = _network(context, placed)
        if network:
            return network.command(argv)
        view = context.view(placed.site)
        if not placed.part:
            return view.access.process.command(argv, OBSERVER)
        vnf = view.vnf(context.service_id, placed.part)
    except (NetworkFault, ProbeError) as error:
        raise SabotageFailed(f"{_place(placed)}: {error}") from error
    if vnf is None:
        raise SabotageFailed(f"{_place(placed)}: no such VNF runs")
    return vnf.access.process.command(argv, OBSERVER)


def _network(context: Context, placed: Placed) -> Namespace | None:
    """Return the namespace of a place that is only a network; None for a container."""
    lab, site = context.lab, placed.site
    if placed.part == UNDERLAY:
        return lab.underlays[underlay(context, site)].namespace
    places = {HOST: lab.hosts[placed.host], LAN: lab.lans[site], NETWORK: lab.ucpes[site]}
    node = places.get(placed.part)
    return node.namespace if node else None


def _place(placed: Placed) -> str:
    return f"{placed.site}/{placed.part}" if placed.part else placed.site


def _first(script: str) -> str:
    return script.strip().splitlines()[0]
