"""Healthy networks, run again and again: no verdict may be another than passed.

Three networks, all with the steps of the PoC scenario: its own, one whose underlay loses, delays and reorders packets
as its file declares, and one whose sites share two underlays, by WAN ports of other names.

    python -m benchmarks.false_alarms --runs 50 --only healthy
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.deployment import Quiet, complaints
from benchmarks.poc import SCENARIO
from common.yaml_writer import write_yaml
from lso.api import api_server
from reports.model import RunResult, Verdict
from scenarios.file.source import read
from scenarios.load import load
from scenarios.run import Options, run

Change = Callable[[dict[str, Any]], None]


def _lossy(scenario: dict[str, Any]) -> None:
    scenario["topology"]["underlays"]["internet"] |= {"delay_ms": 5, "jitter_ms": 2, "loss_percent": 1}
    for step in scenario["steps"]:
        if step["verb"] == "traffic.tcp":
            step["with"]["at_least_mbit"] = 1  # what TCP makes of a loss in a hundred
        if step["verb"] == "traffic.udp":
            step["with"]["loss_percent_at_most"] = 5
        if step["verb"] == "ping":
            step["with"]["loss_percent_at_most"] = 40  # two of five, each of which crosses the underlay twice


def _two_underlays(scenario: dict[str, Any]) -> None:
    topology = scenario["topology"]
    topology["underlays"]["mpls"] = {"prefix": "203.0.113.0/24"}
    for number, site in enumerate(topology["sites"].values(), 1):
        uplink = site["wan"].pop("wan0")
        site["wan"] = {"uplink": uplink, "line1": {"underlay": "mpls", "address": f"203.0.113.{number}"}}


NETWORKS: Mapping[str, tuple[int, Change]] = {
    "healthy": (50, lambda scenario: None),
    "loss-and-reordering": (20, _lossy),
    "two-underlays": (20, _two_underlays),
}
"""How often each is run by default, and what it changes of the PoC scenario."""


def _once(scenario: dict[str, Any], folder: Path) -> RunResult:
    (folder / "scenario.yaml").write_text(write_yaml(scenario), "utf-8")
    return run(load(folder / "scenario.yaml"), folder / "run", api_server, Quiet(), Options())


def main() -> None:
    """Print each run's verdict with what did not pass, at the end how many passed; exit with 1 when some did not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS, action="append", help="this network (default: all)")
    parser.add_argument("--runs", type=int, help="how often (default: 50 healthy ones, 20 of each other)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep there what runs that did not pass recorded")
    options = parser.parse_args()
    lines, alarms = list[str](), 0
    for name in options.only or NETWORKS:
        often, change = NETWORKS[name]
        passed, seconds = 0, list[float]()
        for number in range(options.runs or often):
            scenario = read(SCENARIO / "scenario.yaml").data
            change(scenario)
            with tempfile.TemporaryDirectory(prefix="lso-benchmark-") as folder:
                result = _once(scenario, Path(folder))
                if options.keep and result.verdict is not Verdict.PASSED:
                    shutil.copytree(folder, options.keep / f"{name}-{number}", dirs_exist_ok=True)
            passed += result.verdict is Verdict.PASSED
            seconds.append(result.duration_seconds)
            told = "; ".join(complaints(result)) or "passed"
            print(f"{name} {number + 1:3}: {result.duration_seconds:5.1f} s  {told}", flush=True)
        alarms += len(seconds) - passed
        lines.append(f"{name:20} {passed} of {len(seconds)} passed, {sum(seconds) / len(seconds):.1f} s each")
    print("\n".join(lines))
    raise SystemExit(1 if alarms else 0)


if __name__ == "__main__":
    main()
