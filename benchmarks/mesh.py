"""Many sites in a lab, one full mesh: from the order to all tunnels, and what the idle gateways cost afterwards.

Before the order, what `service.removed` costs: snapshots of all uCPEs.

`python -m benchmarks.mesh --sites 20 40 60`. The tunnels are looked at in the gateways themselves, one site after the
other, so that looking costs little. Idle figures are the machine's: processes started, and the share of its cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.measured import Figure, machine, show
from lso.api import api_server
from testbed.lab import Lab
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec
from testbed.threads import in_parallel
from testbed.ucpe_view import UcpeView

CALL = "restconf/operations/tapi-connectivity:"
IDLE, LOOK_EVERY, DEADLINE = 20.0, 0.5, 600.0
SNAPSHOT = 0.075  # seconds for one of many
LOOK_SECONDS = 60.0
STATUS = ["sh", "-c", "docker exec $(docker ps --quiet --filter label=lso.kind=ipsec) /vnf/status"]


def spec(sites: int) -> LabSpec:
    """Sites with one host each, on one underlay."""
    underlay = UnderlaySpec("internet", "198.18.0.0/16")
    return LabSpec("mesh", tuple(_site(number) for number in range(1, sites + 1)), (underlay,))


def _site(number: int) -> SiteSpec:
    lan = f"10.{number}.0"
    hosts = (HostSpec(f"h{number:03}", f"{lan}.10/24"),)
    wan = (WanSpec("wan0", "internet", f"198.18.0.{number}/16"),)
    return SiteSpec(f"s{number:03}", f"{lan}.0/24", f"{lan}.1", hosts, wan)


def call(url: str, operation: str, **given: Any) -> Any:
    """The service that an operation of the PoC's face answers with."""
    body = json.dumps({"input": given}).encode()
    request = Request(f"{url}/{CALL}{operation}", body, {"Content-Type": "application/yang-data+json"})  # noqa: S310
    with urlopen(request, timeout=120) as answer:  # noqa: S310
        return json.load(answer)["output"]["service"]


def order(url: str, sites: list[str]) -> Any:
    """A mesh of all sites where everything is allowed."""
    ends = [
        {
            "service-interface-point": {"service-interface-point-uuid": f"{site}-lan0"},
            "swvc-endpoint-attributes": {"endpoint-identifier": site},
        }
        for site in sites
    ]
    kind = {"service-type": "MULTIPOINT_CONNECTIVITY"}
    attributes = {"swvc-identifier": "mesh"}
    given = {"end-point": ends, "connectivity-constraint": kind, "swvc-service-attributes": attributes}
    return call(url, "create-connectivity-service", **given)


def stands(lab: Lab, site: str) -> bool:
    """Whether the gateway of a site has ESP SAs with every other site; not yet, where it is too slow to say."""
    try:
        told = lab.ucpes[site].exec(STATUS, check=False, timeout=LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{site} did not answer within {LOOK_SECONDS:g} s; it is asked again", flush=True)
        return False
    peers = json.loads(told.stdout)["peers"] if told.returncode == 0 else []
    good = [peer for peer in peers if any(child["state"] == "INSTALLED" for child in peer["children"])]
    return len(good) == len(lab.ucpes) - 1


def until(what: str, done: Callable[[], bool]) -> None:
    """Look now and then. Raises SystemExit when it takes too long."""
    end = time.monotonic() + DEADLINE
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {DEADLINE:g} s")
        time.sleep(LOOK_EVERY)


def _names(url: str) -> dict[str, str]:
    found = call(url, "get-connectivity-service-details", **{"service-id-or-name": "mesh"})
    return {**{pair["value-name"]: pair["value"] for pair in found["name"]}, "state": found["operational-state"]}


def _settled(url: str) -> bool:
    try:
        names = _names(url)
    except TimeoutError:
        print("the API did not answer in time; it is asked again", flush=True)
        return False
    if names.get("lso-state") in {"failed", "partial"}:
        raise SystemExit(f"the order ended {names['lso-state']}: {names.get('lso-error', '')[:1000]}")
    return names["state"] == "ENABLED"


def _machine() -> tuple[int, int, int]:
    """Processes started since boot, and ticks of all cores: busy and all."""
    lines = dict(line.split(maxsplit=1) for line in Path("/proc/stat").read_text().splitlines())
    ticks = [int(tick) for tick in lines["cpu"].split()[:8]]
    return int(lines["processes"]), sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def measure(sites: int, folder: Path) -> list[Figure]:
    """Start the lab, order, wait, and watch it idle."""
    figures = []
    with Lab.create(spec(sites)) as lab, api_server(lab.inventory, folder / "lso.db") as url:
        start = time.monotonic()
        in_parallel(lambda ucpe: UcpeView(ucpe.container()).snapshot(), lab.ucpes.values())
        figures.append(Figure(f"{sites} sites, snapshots of all", time.monotonic() - start, "s", SNAPSHOT * sites))
        start, names = time.monotonic(), sorted(lab.ucpes)
        order(url, names)
        enabled: list[float] = []

        def look() -> bool:
            if not enabled and _settled(url):
                enabled.append(time.monotonic() - start)
            while names and stands(lab, names[0]):
                del names[0]
            return not names

        until("all tunnels", look)
        figures.append(Figure(f"{sites} sites, order to all tunnels", time.monotonic() - start, "s"))
        until("the service is ENABLED", lambda: bool(enabled) or _settled(url))
        figures.append(Figure("… to ENABLED", enabled[0] if enabled else time.monotonic() - start, "s"))
        time.sleep(5)
        before, began = _machine(), time.monotonic()
        time.sleep(IDLE)
        after, seconds = _machine(), time.monotonic() - began
        figures.append(Figure("… idle: processes started", (after[0] - before[0]) / seconds, "/s"))
        figures.append(Figure("… idle: CPU", 100 * (after[1] - before[1]) / (after[2] - before[2]), "% of all"))
    return figures


def main() -> None:
    """Measure each size and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, nargs="+", default=[20], help="2 to 254")
    sizes = parser.parse_args().sites
    print(machine())
    for sites in sizes:
        with tempfile.TemporaryDirectory(prefix="lso-bench-") as folder:
            for figure in measure(sites, Path(folder)):
                print(show(figure), flush=True)


if __name__ == "__main__":
    main()
