"""Whether the requests in a bundle order the service of its scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reports.model import RunResult
from reports.write import INPUTS
from scenarios import inputs
from scenarios.file.format import Service
from scenarios.load import LoadedScenario
from scenarios.ordering.order import create_input
from scenarios.ordering.order_items import add_items

NAME = f"{INPUTS}/{inputs.ORDER_NAME}"


def other_order(loaded: LoadedScenario, folder: Path, result: RunResult) -> Iterator[str]:
    """Yield how the last request kept below *folder* is no order of the service of *loaded*.

    The API's own ids of the sites' UNIs and the dates of an order are taken as they are.
    """
    try:
        requests = json.loads((folder / NAME).read_bytes())
        ordered = _ordered(loaded.scenario.service, requests[-1]["body"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        ordered = False
    if not ordered and not result.error:  # trouble may have come before the order
        yield f"{NAME} does not order what the scenario says"


def _ordered(service: Service, body: Any) -> bool:
    if service.face == "mef-ordering":
        return _same(body["serviceOrderItem"], add_items(service))
    points = body["input"]["end-point"]
    unis = {point["local-id"]: point["service-interface-point"]["service-interface-point-uuid"] for point in points}
    return len(set(unis.values())) == len(unis) and _same(body["input"], create_input(service, unis))


def _same(sent: Any, wanted: Any) -> bool:
    return bool(sent == json.loads(json.dumps(wanted)))
