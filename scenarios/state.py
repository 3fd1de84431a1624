"""What a service had on its uCPEs at one moment, written down for people and for proof bundles; nothing is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scenarios.network.chain import GATEWAY
from scenarios.steps.context import Context
from testbed.ucpe_view import FlowEntry, UcpeView, Vnf

BEFORE_REMOVAL, AT_THE_END = "before-removal", "end"
LOG_LINES = 300

Plans = Callable[[Path], Mapping[str, Any]]
"""Returns what shall be on each uCPE, as JSON values without private keys, out of the API's database."""

Dump = tuple[str, Callable[[], str]]
"""A file's name, and what makes its text."""


def no_plans(_database: Path) -> Mapping[str, Any]:
    """Return nothing, where nobody can read the API's database."""
    return {}


def dump(context: Context, folder: Path, plans: Callable[[], Mapping[str, Any]]) -> None:
    """Write the state of each site of the service below *folder*, and beside the sites what *plans* returns.

    What cannot be had is said in the place of its text: the network may be broken.
    """
    sites = context.service_sites()
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda site: list(_tried(folder / site, lambda: _site(context, site))), sites)
        dumps = [(folder / "plans.json", lambda: _json(plans())), *(entry for entries in found for entry in entries)]
        list(pool.map(lambda entry: _write(*entry), dumps))


def _tried(folder: Path, look: Callable[[], Iterator[Dump]]) -> Iterator[tuple[Path, Callable[[], str]]]:
    try:
        yield from ((folder / name, make) for name, make in look())
    except Exception as error:  # noqa: BLE001  (a look around must not take the steps' proof away)
        words = str(error)
        yield folder / "missing.txt", lambda: words


def _write(path: Path, make: Callable[[], str]) -> None:
    try:
        text = make()
    except Exception as error:  # noqa: BLE001  (as above)
        text = str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def _site(context: Context, site: str) -> Iterator[Dump]:
    view = context.view(site)
    yield from _ucpe(view)
    for vnf in view.vnfs(context.service_id):
        yield from ((f"{vnf.name}.{name}", make) for name, make in (*_vnf(vnf), _log(view, vnf)))


def _ucpe(view: UcpeView) -> Iterator[Dump]:
    yield "flows.txt", lambda: "\n".join([*map(_flow, view.flows()), *view.groups()])
    yield "ovsdb.json", lambda: view.run(["ovsdb-client", "--format=json", "dump", "Open_vSwitch"])
    yield "containers.json", lambda: _json(view.access.engine("/containers/json?all=1"))
    yield "networks.json", lambda: _json(view.access.engine("/networks"))


def _flow(flow: FlowEntry) -> str:
    return f"{flow.text()} n_packets={flow.packets} n_bytes={flow.bytes}"


def _vnf(vnf: Vnf) -> Iterator[Dump]:
    """Yield what the VNF says of itself by its contract, and what the kernel has in its network namespace."""
    yield "status.json", lambda: vnf.access.run(["/vnf/status"])
    yield "nft.txt", lambda: vnf.namespace.run(["nft", "list", "ruleset"]).stdout
    yield "xfrm.txt", lambda: vnf.namespace.run(["ip", "-s", "xfrm", "state"]).stdout
    if vnf.kind == GATEWAY:
        yield "keys.json", lambda: vnf.access.run(["/vnf/keys"])


def _log(view: UcpeView, vnf: Vnf) -> Dump:
    """Return the last lines that the VNF's container has written."""
    return "log.txt", lambda: view.run(["sh", "-c", f"docker logs --tail {LOG_LINES} {vnf.container.id} 2>&1"])


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True)
