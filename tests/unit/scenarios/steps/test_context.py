"""What verbs share of a run: the source ports that their packets have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scenarios.steps import context as module
from scenarios.steps.context import Context

NOBODY: Any = SimpleNamespace()


@pytest.fixture
def context() -> Context:
    return Context(NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY)


def test_no_probe_has_the_port_of_another_packet(context: Context) -> None:
    first, second, third = module.PROBE_PORTS[:3]
    context.source_ports.add(("udp", second))  # that of a random packet, which a step may still watch for
    assert [context.take_port("udp") for _ in range(2)] == [first, third]
    assert context.source_ports == {("udp", first), ("udp", second), ("udp", third)}


def test_a_port_is_free_for_another_protocol(context: Context) -> None:
    context.source_ports.add(("tcp", module.PROBE_PORTS[0]))
    assert context.take_port("icmp") == module.PROBE_PORTS[0]


def test_ports_come_again_where_there_are_no_others(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_PORTS", range(40_000, 40_002))
    assert [context.take_port("udp") for _ in range(2)] == [40_000, 40_001]
    assert context.take_port("udp") in module.PROBE_PORTS
