"""The orders of the documentation, carried out by the real orchestrator on real uCPEs, judged by packets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.web.server import BackgroundServer, build_app
from testbed.lab import Lab

TEXT = (Path(__file__).parents[3] / "docs" / "presto-mef.md").read_text(encoding="utf-8")
ADD, MODIFY, DELETE, _ = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
TIMEOUT = 60.0


@pytest.fixture
def http(lab: Lab, tmp_path: Path) -> Iterator[httpx.Client]:
    app = build_app(lab.inventory, str(tmp_path / "presto.db"))
    with (
        BackgroundServer(app) as server,
        httpx.Client(base_url=f"{server.url}/mefApi/legato/", timeout=30) as client,
    ):
        yield client


def place(http: httpx.Client, text: str, **ids: str) -> Any:
    """The order when it has come to its end."""
    for name, service in ids.items():
        text = text.replace(f'"{name.replace("_", "-")}"', f'"{service}"')
    answer = http.post("serviceOrderingManagement/v6/serviceOrder", json=json.loads(text))
    assert answer.status_code == 201, answer.text
    order, deadline = answer.json(), time.monotonic() + TIMEOUT
    assert order["state"] == "acknowledged"
    while order["state"] in {"acknowledged", "inProgress"}:
        assert time.monotonic() < deadline, order
        time.sleep(0.05)
        order = http.get(f"serviceOrderingManagement/v6/serviceOrder/{order['id']}").json()
    return order


def test_add_modify_delete(lab: Lab, http: httpx.Client, reaches: Callable[..., bool]) -> None:
    placed = place(http, ADD)
    assert placed["state"] == "completed", [item.get("terminationError") for item in placed["serviceOrderItem"]]
    _, uni, swvc, _, end = [item["service"]["id"] for item in placed["serviceOrderItem"]]
    assert reaches("a1", "10.2.0.10", 10)
    assert reaches("b1", "10.1.0.10", 10)

    modified = place(http, MODIFY, END_POINT=end, SWVC=swvc, UNI=uni)
    assert modified["state"] == "completed", modified
    assert not reaches("b1", "10.1.0.10", 1), "pings that enter at b are blocked"
    assert reaches("a1", "10.2.0.10", 10), "pings that enter at a are not"

    removed = place(http, DELETE, SWVC=swvc)
    assert removed["state"] == "completed", removed
    assert http.get(f"serviceInventory/v7/service/{swvc}").json()["state"] == "terminated"
    for ucpe in lab.ucpes.values():
        assert ucpe.exec(["docker", "ps", "--all", "--quiet"]).stdout == ""
