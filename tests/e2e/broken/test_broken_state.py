"""What is written down of the network's state when a part of it does not answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from breaking import program

from scenarios.state import dump
from scenarios.steps.context import Context

NO_STATUS = "#!/bin/sh\necho no status today >&2\nexit 3\n"


def no_plans() -> Mapping[str, Any]:
    raise OSError("the database is gone")


def test_what_cannot_be_had_is_said_in_its_place(context: Context, tmp_path: Path) -> None:
    with program(context, "site-a", "statistics", "status", NO_STATUS):
        dump(context, tmp_path, no_plans)
    assert (tmp_path / "site-a" / "statistics.status.json").read_text() == "/vnf/status: exit 3: no status today\n"
    assert (tmp_path / "plans.json").read_text() == "the database is gone\n"
    assert json.loads((tmp_path / "site-b" / "statistics.status.json").read_text())["kind"] == "statistics"
    assert json.loads((tmp_path / "site-a" / "ipsec.keys.json").read_text())["sas"]
