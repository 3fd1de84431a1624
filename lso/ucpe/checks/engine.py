"""The Docker Engine and the machine that it runs on, as it tells them itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lso.ucpe.box import Box
from lso.ucpe.contract import API, CLOCK_SECONDS, FREE_MEMORY_MIB, clause
from orchestrator.ucpe.health import SMALLEST_API
from orchestrator.vnf_contract import label_findings
from reports.model import Check


async def run(box: Box) -> list[Check]:
    """Judge version, drivers, images, clock and memory."""
    engine = await box.engine()
    version, api = await engine.version()
    began = time.time()
    info = await engine.info()
    ended = time.time()
    drivers = info.get("Plugins") or {}
    images = await engine.vnf_images()
    labels = {
        image.image: label_findings(
            {f"lso.vnf.{name}": getattr(image, name) for name in ("contract", "kind", "vendor", "version")}, image.kind
        )
        for image in images
    }
    wrong = [f"{image}: {'; '.join(found)}" for image, found in labels.items() if found]
    memory = int(info.get("MemTotal") or 0) >> 20
    return [
        clause("D1").judged("API", _numbers(api) >= SMALLEST_API, f"{API} or later", f"{api} (Engine {version})"),
        clause("D2").judged("containers", info.get("OSType") == "linux", "of Linux", str(info.get("OSType"))),
        _driver(drivers, "Network", "macvlan"),
        _driver(drivers, "Log", "json-file"),
        clause("D3").judged("VNF images", bool(images), "one or more", ", ".join(labels) or "none"),
        clause("D3").judged("their labels", not wrong, "those of the VNF contract", "; ".join(wrong) or "they are"),
        clock(str(info.get("SystemTime")), began, ended),
        clause("M2").judged(
            "memory of the machine", memory >= FREE_MEMORY_MIB, f"≥ {FREE_MEMORY_MIB} MiB", f"{memory} MiB"
        ),
    ]


def _driver(drivers: Mapping[str, Any], kind: str, name: str) -> Check:
    there = drivers.get(kind) or ()
    return clause("D2").judged(f"{kind.lower()} driver {name}", name in there, "there", ", ".join(there) or "none")


def clock(told: str, began: float, ended: float) -> Check:
    """Judge what the box *told* its time was, at some moment between these two of our own clock, in Unix seconds."""
    expected = f"at most {CLOCK_SECONDS:g} s from ours"
    try:
        # Python reads microseconds; the engine tells nanoseconds.
        theirs = datetime.fromisoformat(_microseconds(told)).timestamp()
    except ValueError:
        return clause("M1").judged("clock", False, expected, f"{told[:40]!r} is no time")
    off = theirs - min(max(theirs, began), ended)
    moment = datetime.fromtimestamp(theirs, UTC)
    measured = f"{moment:%Y-%m-%d %H:%M:%S} UTC, {abs(off):.1f} s {'ahead' if off > 0 else 'behind' if off else 'off'}"
    return clause("M1").judged("clock", abs(off) <= CLOCK_SECONDS, expected, measured)


def _microseconds(told: str) -> str:
    """Cut the fraction of a time of RFC 3339 to six digits."""
    seconds, point, rest = told.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{seconds}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}" if point else told


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
