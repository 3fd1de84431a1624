"""The kernel's own engines: ``netem`` for everything, ``tbf`` for a bare rate where netem is missing.

Both sit at the root of the port's egress, in the underlay's namespace: each packet from one site to another is
impaired once, at the port by which it leaves towards its site.
"""

from __future__ import annotations

from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.impairment.model import QUEUE_SECONDS, ImpairmentError, queue_bytes
from testbed.spec.model import Impairment

FULL_FRAME = 1514
UNBOUND_PACKETS = 20_000  # what may be on its way without a rate: 1 Gbit/s for 240 ms
ORDERING_RATE = "30gbit"  # netem keeps packets in order only when it has a rate, and keeps an old one if none is given


def netem_options(impairment: Impairment) -> list[str]:
    """Return the options of ``tc … netem`` for *impairment*: uniform jitter, packets in order, a bounded queue."""
    options: list[str] = []
    if impairment.delay_ms or impairment.jitter_ms:
        options += ["delay", f"{impairment.delay_ms:g}ms"]
        options += [f"{impairment.jitter_ms:g}ms"] if impairment.jitter_ms else []
    if impairment.loss_percent:
        options += ["loss", "random", f"{impairment.loss_percent:g}%"]
    if impairment.rate_mbit is not None:
        packets = max(20, queue_bytes(impairment) // FULL_FRAME)
        return [*options, "rate", _rate(impairment.rate_mbit), "limit", str(packets)]
    return [*options, "rate", ORDERING_RATE, "limit", str(UNBOUND_PACKETS)]


def tbf_options(impairment: Impairment) -> list[str]:
    """Return the options of ``tc … tbf`` for the rate of *impairment*; it must have nothing else.

    Raises ``ImpairmentError``.
    """
    if impairment.rate_mbit is None or impairment.delay_ms or impairment.jitter_ms or impairment.loss_percent:
        raise ImpairmentError(f"tbf limits a rate and nothing else: {impairment}")
    burst = max(2 * FULL_FRAME, round(impairment.rate_mbit * 1e6 / 8 * 0.004))  # 4 ms: the clock of slow kernels
    return ["rate", _rate(impairment.rate_mbit), "burst", str(burst), "latency", f"{QUEUE_SECONDS * 1000:g}ms"]


@dataclass(frozen=True)
class TcEngine:
    """One kind of root queueing discipline (*kind* is netem or tbf) in *namespace*."""

    namespace: Namespace
    kind: str

    def set(self, port: str, impairment: Impairment) -> None:
        """See :class:`testbed.impairment.model.Engine`; a change at run time loses no packet."""
        options = netem_options(impairment) if self.kind == "netem" else tbf_options(impairment)
        self._tc("replace", port, self.kind, *options)

    def clear(self, port: str) -> None:
        """See :class:`testbed.impairment.model.Engine`."""
        if self.active(port):
            self._tc("delete", port)

    def active(self, port: str) -> bool:
        """Tell whether *port* has this discipline at its root."""
        done = self.namespace.run(["tc", "qdisc", "show", "dev", port, "root"], check=False)
        return done.stdout.startswith(f"qdisc {self.kind} ")

    def _tc(self, verb: str, port: str, *what: str) -> None:
        done = self.namespace.run(["tc", "qdisc", verb, "dev", port, "root", *what], check=False)
        if done.returncode:
            raise ImpairmentError(f"tc cannot {verb} {' '.join(what)} on {port}: {done.stderr.strip()}")


def _rate(mbit: float) -> str:
    return f"{round(mbit * 1e6)}bit"
