"""The audits of a run while sabotages come and go: a broken network's frames must not be held against the next.

What was seen until the network was last known to be healthy is kept, and stands before what is seen since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scenarios.network.conservation import SiteCount, settled_count
from scenarios.network.management_audit import management_audited
from scenarios.network.underlay_audit import audited
from scenarios.steps.context import Context
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed.errors import ProbeError

PCAP_HEADER = 24  # octets of a file's header, which comes before all frames


class _Resumed:
    """The audit *fresh*, but that its captures begin with *healthy* ones."""

    def __init__(self, healthy: Sequence[Any], fresh: Any) -> None:
        self._healthy = {link.name: link for link in healthy}
        self._fresh = fresh

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fresh, name)

    def so_far(self, recorder: Recorder) -> Iterator[Any]:
        """Yield the captures, joined."""
        for link in self._fresh.so_far(recorder):
            before = self._healthy[link.name].file.read_bytes()
            link.file.write_bytes(before + link.file.read_bytes()[PCAP_HEADER:])
            yield link


class Audits:
    """Audits of *context*'s lab that start with what was seen until now."""

    def __init__(self, context: Context, folder: Path) -> None:
        self._context = context
        self._underlay = [*context.audit.so_far(Recorder(folder / "underlay"))]
        self._management = [*context.management.so_far(Recorder(folder / "management"))]

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """Let *context* have new audits for the length of the block."""
        context = self._context
        before = context.audit, context.management, context.counted, context.early
        # Counters are no files to be joined: what was before is left out.
        context.counted = _counted(context)
        context.early = {site: {} for site in context.service_sites()}
        with audited(context.scenario, context.lab) as underlay, management_audited(context.lab) as management:
            context.audit = _Resumed(self._underlay, underlay)
            context.management = _Resumed(self._management, management)
            try:
                yield
            finally:
                context.audit, context.management, context.counted, context.early = before


def _counted(context: Context) -> dict[str, SiteCount]:
    """Return what each site has counted; what cannot be asked while it is broken is judged when it can."""
    counted = {}
    for site in context.service_sites():
        with suppress(NetworkFault, ProbeError):
            counted[site] = settled_count(context, site)
    return counted
