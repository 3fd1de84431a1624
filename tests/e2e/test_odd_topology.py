"""A scenario whose ports, underlays, addresses, one product and one uCPE are none of the published ones', with loss."""

from __future__ import annotations

import json
from pathlib import Path

from lso.api import api_server
from reports.console import Console
from reports.model import Verdict
from reports.write import STATE
from scenarios.load import load
from scenarios.run import Options, run
from scenarios.state import BEFORE_REMOVAL

ODD = Path(__file__).parent / "scenarios" / "branch-web.yaml"


def test_names_and_declared_losses_are_the_scenarios(tmp_path: Path) -> None:
    """`uplink` beside an underlay that one site alone has, port 0443, an id with capitals, 1 % loss: all passes."""
    with (tmp_path / "log").open("w", encoding="utf-8") as log, Console(log) as console:
        result = run(load(ODD), tmp_path, api_server, console, Options())
    told = "\n".join(f"{step.id} {step.verdict}: {step.message}" for step in result.steps)
    assert result.verdict is Verdict.PASSED, f"{result.error}\n{told}"
    assert [tunnel.underlay for tunnel in result.topology.tunnels] == ["internet"]
    before_removal = tmp_path / STATE / BEFORE_REMOVAL
    statuses = {site: before_removal / site / "firewall.status.json" for site in ("branch", "office")}
    vendors = {site: json.loads(status.read_text(encoding="utf-8"))["vendor"] for site, status in statuses.items()}
    assert vendors == {"branch": "nftables", "office": "iptables"}
