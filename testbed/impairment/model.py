"""What every impairment engine shares: names, the rule of choice, the queue's length, and the error."""

from __future__ import annotations

import json
from typing import Any, Literal, Protocol, get_args

from testbed.errors import ProbeError
from testbed.host.namespace import Namespace
from testbed.spec.model import Impairment

EngineName = Literal["netem", "wirefilter", "tbf"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
QUEUE_SECONDS = 0.05  # how much traffic may wait in front of a rate limit, beside what is on its way
SMALLEST_QUEUE = 30_000  # bytes: some full frames even at very low rates


class ImpairmentError(ProbeError):
    """An impairment could not be put on a port, changed or taken off."""


class Engine(Protocol):
    """One way to impair what leaves a port. All three calls are safe to repeat."""

    def set(self, port: str, impairment: Impairment) -> None:
        """Make *impairment* what happens to the traffic out of *port*, whatever was there before."""

    def clear(self, port: str) -> None:
        """Take the impairment off *port*; nothing happens when there is none."""


def choose(impairment: Impairment, *, netem: bool) -> EngineName:
    """Return the engine for *impairment*: netem where the kernel has it, else tbf for a bare rate, else wirefilter."""
    if netem:
        return "netem"
    only_rate = impairment.rate_mbit is not None and not (
        impairment.delay_ms or impairment.jitter_ms or impairment.loss_percent
    )
    return "tbf" if only_rate else "wirefilter"


def queue_bytes(impairment: Impairment) -> int:
    """Return how many bytes a rate-limited channel holds: those on their way, and :data:`QUEUE_SECONDS` of waiting.

    Raises ``ValueError`` without a rate.
    """
    if impairment.rate_mbit is None:
        raise ValueError("a channel without a rate has no queue in front of it")
    on_the_way = (impairment.delay_ms + impairment.jitter_ms) / 1000
    return max(SMALLEST_QUEUE, round(impairment.rate_mbit * 1e6 / 8 * (on_the_way + QUEUE_SECONDS)))


def ip(namespace: Namespace, *commands: str) -> None:
    """Run *commands* of ``ip`` in one batch; raise :class:`ImpairmentError` with the first complaint."""
    done = namespace.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", check=False)
    if done.returncode:
        raise ImpairmentError(f"ip: {done.stderr.strip()}")


def link(namespace: Namespace, name: str) -> dict[str, Any] | None:
    """Return what ``ip -json link show`` tells of interface *name*, None when there is none."""
    done = namespace.run(["ip", "-json", "link", "show", "dev", name], check=False)
    found = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return dict(found[0]) if found else None
