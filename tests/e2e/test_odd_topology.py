"""A scenario whose ports, underlays and addresses are none of the published scenarios', over an underlay with loss."""

from __future__ import annotations

from pathlib import Path

from lso.api import api_server
from reports.console import Console
from reports.model import Verdict
from scenarios.load import load
from scenarios.run import Options, run

ODD = Path(__file__).parent / "scenarios" / "branch-web.yaml"


def test_names_and_declared_losses_are_the_scenarios(tmp_path: Path) -> None:
    """`uplink` beside an underlay that one site alone has, port 0443, an id with capitals, 1 % loss: all passes."""
    with (tmp_path / "log").open("w", encoding="utf-8") as log, Console(log) as console:
        result = run(load(ODD), tmp_path, api_server, console, Options())
    told = "\n".join(f"{step.id} {step.verdict}: {step.message}" for step in result.steps)
    assert result.verdict is Verdict.PASSED, f"{result.error}\n{told}"
    assert [tunnel.underlay for tunnel in result.topology.tunnels] == ["internet"]
