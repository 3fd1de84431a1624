"""``service.removed``: after its deletion nothing of the service is left on any uCPE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from reports.text import count_text
from scenarios.context import Context
from scenarios.proof import Proof, words
from scenarios.verb import Verb


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

    def prove(self, context: Context, proof: Proof) -> str:
        if context.face.service(context.service_id) is not None:
            context.face.delete(context.service_id)
        gone = proof.until("service gone from the API", self.within_seconds, lambda: self._gone(context))
        details = None if gone else context.face.service(context.service_id)
        proof.check("the API no longer has the service", bool(gone), expected="gone", measured=details or "gone")
        for site, before in context.baselines.items():
            after = context.view(site).snapshot()
            proof.add_json(
                f"{site}.json", f"{site} before the order and after the removal", {"before": before, "after": after}
            )
            for part in before:
                left = [item for item in after[part] if item not in before[part]]
                lost = [item for item in before[part] if item not in after[part]]
                differences = {"left over": left, "lost": lost}
                difference = "; ".join(f"{how}: {_texts(items)}" for how, items in differences.items() if items)
                proof.check(
                    f"{site}: {part} as before the order",
                    not left and not lost,
                    expected="no difference",
                    measured=difference or "no difference",
                    message=f"{site}: {part} {difference}",
                    element=f"site:{site}",
                )
        return f"nothing of the service is left on {count_text(len(context.baselines), 'uCPE')}"

    def _gone(self, context: Context) -> bool:
        return context.face.service(context.service_id) is None

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.service_sites()[0]} -- ovs-ofctl -O OpenFlow14 dump-flows br-ucpe"


def _texts(items: Sequence[Mapping[str, Any]]) -> str:
    """Return what is left over or lost, by name where it has one."""
    return words([item.get("name") or next(iter(item.values())) for item in items])
