"""What both drawings of the topology share: the look-up of verdicts, wording, and the box of a VNF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports.model import RunResult, TopologyPicture, TunnelPicture, UnderlayPicture, Verdict
from reports.text import number_text
from reports.verdicts import ElementVerdict, element_verdicts


@dataclass(frozen=True)
class Picture:
    """A topology with the verdicts on its elements and the page anchors of the steps that gave them."""

    topology: TopologyPicture
    verdicts: Mapping[str, ElementVerdict]
    anchors: Mapping[str, str]

    def verdict(self, element: str) -> Verdict | None:
        """The verdict on an element, None when nothing judged it."""
        found = self.verdicts.get(element)
        return found.verdict if found else None

    def anchor(self, element: str) -> str | None:
        """Page id of the step that gave the verdict on an element."""
        found = self.verdicts.get(element)
        return self.anchors.get(found.step_id) if found else None

    def style(self, element: str) -> str:
        """The CSS class of an element's verdict."""
        return f"v-{self.verdict(element) or 'none'}"

    def label(self, element: str, name: str) -> str:
        """Tooltip and accessible name of a link: the element's name and verdict."""
        return f"{name}: {self.verdict(element) or 'not judged'}"


def picture(result: RunResult, anchors: Mapping[str, str]) -> Picture:
    """The picture of a run; `anchors` maps step ids to page ids."""
    return Picture(result.topology, element_verdicts(result), anchors)


def impairment_text(underlay: UnderlayPicture) -> str:
    """`20 ms ± 5 ms · 0.1 % loss · 50 Mbit/s`, or `no impairment`."""
    return " · ".join(impairment_lines(underlay))


def impairment_lines(underlay: UnderlayPicture) -> list[str]:
    """The same in at most two lines: delay, then loss and rate."""
    parts = []
    if underlay.delay_ms or underlay.jitter_ms:
        jitter = f" ± {number_text(underlay.jitter_ms)} ms" if underlay.jitter_ms else ""
        parts.append(f"{number_text(underlay.delay_ms)} ms{jitter}")
    loss = f"{number_text(underlay.loss_percent)} % loss" if underlay.loss_percent else ""
    rate = f"{number_text(underlay.rate_mbit)} Mbit/s" if underlay.rate_mbit is not None else ""
    if loss or rate:
        parts.append(" · ".join(filter(None, (loss, rate))))
    return parts or ["no impairment"]


def ends_text(tunnel: TunnelPicture) -> str:
    """Both ends of a tunnel with an en dash between them."""
    return f"{tunnel.site_a} \N{EN DASH} {tunnel.site_b}"


def spi_text(tunnel: TunnelPicture) -> str:
    """The SPIs of both directions, or empty."""
    return " / ".join(tunnel.spis)
