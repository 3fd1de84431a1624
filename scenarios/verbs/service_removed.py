"""``service.removed``: after its deletion nothing of the service is left on any uCPE, and all else is as it was."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.ucpe_view import Snapshot, apart, differences, together

SETTLE_SECONDS = 3.0
"""How long what ends by itself may take: the helpers of an ended container, for instance, stay half a second."""
TOLD = 20
LARGEST = 64 << 20
"""Octets of two snapshots at most, some hundred times what a uCPE has: a file of another's may be made to harm."""

_GZIP = 16 + zlib.MAX_WBITS


class SiteBeforeAndAfter(Evidence):
    """A uCPE before the order and after the removal, as one compressed document that has what is equal once."""

    site: str
    snapshots: File


class RemovedEvidence(Evidence):
    """What the API still shows of the service, None when it has it no more, and every uCPE of the service."""

    left: dict[str, Any] | None
    sites: tuple[SiteBeforeAndAfter, ...]


class ServiceRemoved(Verb, name="service.removed"):
    """Delete the service by the API and prove that each uCPE is as it was before the order.

    *Expected results*: the API no longer has the service within the deadline (the inventory keeps it, ``terminated``,
    and the order that deleted it is ``completed``). All that each uCPE has equals, one by one, what it had
    before the order, at the latest when three seconds have passed:

    - Open vSwitch: every row of every table (bridges, ports with VLAN tags and policing, mirrors, NetFlow, sFlow,
      IPFIX, QoS, controllers …), OpenFlow rules, groups, meters and the configuration of ports; what its daemons have
      beside these: remotes, databases, routes, log levels
    - Docker Engine: containers that run or ended, networks, volumes, images, plugins, settings in force
    - processes, by their commands, with limits, control groups and OOM score adjustment; network namespaces; mounts
    - sockets that wait: TCP, UDP, raw, packet and those with a path
    - interfaces (type, state, carrier, MTU, MAC, VLAN …), addresses, queueing disciplines, routes of all tables,
      routing rules, permanent neighbours, packet filters, XFRM states and policies, sysctls under ``net``
    - host name, sysctls and objects of System V and POSIX that are the uCPE's own
    - files that were written, also below a mount on the root's overlay, with mode, owner, extended attributes, size and
      SHA-256; above 128 KiB with the times of their last changes of content and of anything

    What moves by itself (counters, logs …) is not compared; ``testbed/ucpe_view/snapshot/`` has the tables of that,
    with reasons.

    *Fails when* something stays behind, is gone, or is not as it was. Each difference is named: ``site-a: OVS mirror m0
    on br-ucpe is left over``.

    *Example*: ``{verb: service.removed, with: {within_seconds: 30}}``
    """

    removes: ClassVar[bool] = True
    within_seconds: float = Field(default=30, gt=0, description="how long the API may take to have it no more")

    def observe(self, context: Context, recorder: Recorder) -> RemovedEvidence:
        if _shown(context) is not None:
            context.face.delete(context.service_id)
        gone = recorder.until("service gone from the API", self.within_seconds, lambda: _shown(context) is None)
        left = None if gone else _shown(context) or {}
        sites: list[SiteBeforeAndAfter] = []
        settling = min(SETTLE_SECONDS, self.within_seconds)
        with recorder.until_fault():
            for site, after in _settled(context, recorder, settling).items():
                path = recorder.path(f"{site}.json.gz")
                _write(path, together(context.baselines[site], after))
                recorder.file(path, f"{site} before the order and after the removal", "application/gzip")
                sites.append(SiteBeforeAndAfter(site=site, snapshots=path))
        return RemovedEvidence(left=left, sites=tuple(sites))

    def judge(self, evidence: RemovedEvidence) -> Judgement:
        name, gone = "the API no longer has the service", evidence.left is None
        checks = [check(name, gone, expected="gone", measured=evidence.left or "gone")]
        for site in evidence.sites:
            checks += _compared(site)
        return Judgement(checks, f"nothing of the service is left on {count_text(len(evidence.sites), 'uCPE')}")

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.service_sites()[0]} -- ovs-ofctl -O OpenFlow14 dump-flows br-ucpe"


def _shown(context: Context) -> dict[str, Any] | None:
    return context.face.service(context.service_id)


def _settled(context: Context, recorder: Recorder, seconds: float) -> dict[str, Snapshot]:
    """Return the uCPEs once they are as before the order, or as they are when time is up."""
    after: dict[str, Snapshot] = {}

    def as_before() -> bool:
        differing = [site for site, before in context.baselines.items() if after.get(site) != before]
        after.update(context.snapshots(differing))
        return after == context.baselines

    recorder.until("uCPEs as before the order", seconds, as_before)
    return {site: after[site] for site in context.baselines}


def _write(path: Path, document: Mapping[str, Snapshot]) -> None:
    path.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))


def _read(path: Path) -> dict[str, Snapshot]:
    text = zlib.decompressobj(_GZIP).decompress(path.read_bytes(), LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"{path.name} is larger than {LARGEST} octets")
    document: dict[str, Snapshot] = json.loads(text)
    return document


def _compared(site: SiteBeforeAndAfter) -> Iterator[Check]:
    """Yield for each part of a uCPE the check that it is as before."""
    before, after = apart(_read(site.snapshots))
    for part in before:
        found = list(differences(before[part], after[part]))
        told = "; ".join(found[:TOLD]) + (f"; and {len(found) - TOLD} more" if len(found) > TOLD else "")
        yield check(
            f"{site.site}: {part} as before the order",
            not found,
            expected="no difference",
            measured=told or "no difference",
            message=f"{site.site}: {told}",
            element=f"site:{site.site}",
        )
