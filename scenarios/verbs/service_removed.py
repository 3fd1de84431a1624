"""``service.removed``: after its deletion nothing of the service is left on any uCPE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.steps.checks import Judgement, check, words
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb


class SiteBeforeAndAfter(Evidence):
    """A uCPE ``before`` the order and ``after`` the removal, as a document; *parts* are those of both, in order."""

    site: str
    parts: tuple[str, ...]
    snapshots: File


class RemovedEvidence(Evidence):
    """What the API still shows of the service, None when it has it no more, and every uCPE of the service."""

    left: dict[str, Any] | None
    sites: tuple[SiteBeforeAndAfter, ...]


class ServiceRemoved(Verb, name="service.removed"):
    """Delete the service by the API and prove that each uCPE is as it was before the order.

    *Expected results*: the API no longer has the service within the deadline (the inventory keeps it, ``terminated``,
    and the order that deleted it is ``completed``); OpenFlow rules, ports, container
    networks and containers of each uCPE equal those that were seen before the order, one by one.

    *Fails when* a rule, a port, a network or a container stays behind, or something is gone that was there before.

    *Example*: ``{verb: service.removed, with: {within_seconds: 30}}``
    """

    removes: ClassVar[bool] = True
    within_seconds: float = Field(default=30, gt=0)

    def observe(self, context: Context, recorder: Recorder) -> RemovedEvidence:
        if _shown(context) is not None:
            context.face.delete(context.service_id)
        gone = recorder.until("service gone from the API", self.within_seconds, lambda: _shown(context) is None)
        left = None if gone else _shown(context) or {}
        sites: list[SiteBeforeAndAfter] = []
        with recorder.until_fault():
            for site, before in context.baselines.items():
                snapshots = {"before": before, "after": context.view(site).snapshot()}
                file = recorder.json(f"{site}.json", f"{site} before the order and after the removal", snapshots)
                sites.append(SiteBeforeAndAfter(site=site, parts=tuple(before), snapshots=file))
        return RemovedEvidence(left=left, sites=tuple(sites))

    def judge(self, evidence: RemovedEvidence) -> Judgement:
        name, gone = "the API no longer has the service", evidence.left is None
        checks = [check(name, gone, expected="gone", measured=evidence.left or "gone")]
        for site in evidence.sites:
            checks += _differences(site)
        return Judgement(checks, f"nothing of the service is left on {count_text(len(evidence.sites), 'uCPE')}")

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.service_sites()[0]} -- ovs-ofctl -O OpenFlow14 dump-flows br-ucpe"


def _shown(context: Context) -> dict[str, Any] | None:
    return context.face.service(context.service_id)


def _differences(site: SiteBeforeAndAfter) -> Iterator[Check]:
    """Yield for each part of a uCPE the check that nothing of it is left over, and nothing lost."""
    snapshots = read_json(site.snapshots)
    for part in site.parts:
        before, after = snapshots["before"][part], snapshots["after"][part]
        left = [item for item in after if item not in before]
        lost = [item for item in before if item not in after]
        found = {"left over": left, "lost": lost}
        difference = "; ".join(f"{how}: {_texts(items)}" for how, items in found.items() if items)
        yield check(
            f"{site.site}: {part} as before the order",
            not difference,
            expected="no difference",
            measured=difference or "no difference",
            message=f"{site.site}: {part} {difference}",
            element=f"site:{site.site}",
        )


def _texts(items: Sequence[Mapping[str, Any]]) -> str:
    """Return what is left over or lost, by name where it has one."""
    return words([item.get("name") or next(iter(item.values())) for item in items])
