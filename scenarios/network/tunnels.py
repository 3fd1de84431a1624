"""The tunnels of a service as their gateways tell of them, and as echoes through them show."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

from scenarios.file.format import Scenario
from scenarios.network.chain import GATEWAY
from scenarios.network.losses import underlays_between
from scenarios.steps.context import Context
from testbed.errors import ProbeError
from testbed.ucpe_view import ViewError

ECHOES = 10
MAX_PEERS, TIMEOUT_MS = 256, 1000  # of /vnf/probe (vnfs/contract)
LOG_LINES = 300
"""The last lines of a log are read, no more."""

_LONGEST_LINE = 200
_NOTIFIED = re.compile(
    r"NO_?PROP|AUTH(ENTICATION)?_FAILED|INVALID_KE|INVALID_SYNTAX|INVALID_ID|TS_UNACCEPT|SINGLE_PAIR|NO_ADDITIONAL_SAS"
    r"|authentication failed notification|FAILED_CP|UNSUPPORTED_CRITICAL|CERT_EXPIRED|INVALID_SELECTORS"
    r"|TEMPORARY_FAILURE"
)
"""Error types of IKEv2's Notify payload (RFC 7296, section 3.10.1), as products write them."""

_CERTIFICATE = re.compile(r"certificate.*(expired|revoked|invalid)|(expired|revoked).*certificate", re.IGNORECASE)
"""Words for a certificate that holds no longer; what follows from that may be told behind them."""

_EXPLAINED = re.compile(
    r"mismatch|no matching|not? (found|trusted|acceptable)|no (acceptable|trusted|shared key|private key|proposal)"
    r"|untrusted|unacceptable|does not match|not match|expired|revoked|(?<!will be )rejected|refused"
    r"|not confirmed|inacceptable",
    re.IGNORECASE,
)
"""Words in which products say more than the error's type."""
Status = dict[str, Any]
Answers = dict[str, dict[str, bool]]


def ask(context: Context, sites: Sequence[str]) -> dict[str, Status]:
    """Return each gateway's status, asked side by side; empty where no gateway runs."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(sites, pool.map(lambda site: context.vnf_status(site, GATEWAY), sites), strict=True))


def all_up(status: dict[str, Status]) -> bool:
    """Tell whether every gateway says that its tunnels to all others stand."""
    return all(up(status[left], right) for left, right in permutations(status, 2))


def peer_of(status: Status, name: str) -> dict[str, Any]:
    """Return what a gateway says of its peer *name*."""
    return next((peer for peer in status.get("peers", []) if peer.get("name") == name), {})


def ike_of(peer: dict[str, Any]) -> dict[str, Any]:
    """Return the peer's IKE SA, empty while there is none."""
    return peer.get("ike") or {}


def child_of(peer: dict[str, Any]) -> dict[str, Any]:
    """Return the peer's CHILD SA, an installed one if there is one."""
    children: list[dict[str, Any]] = peer.get("children", [])
    return next((child for child in children if child.get("state") == "INSTALLED"), children[0] if children else {})


def installed(peer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the peer's CHILD SAs that carry packets and are not about to be replaced."""
    return [child for child in peer.get("children", []) if child.get("state") == "INSTALLED"]


def alone(status: Status) -> bool:
    """Tell whether a gateway has no second CHILD SA for a peer, and no connection that nobody ordered."""
    return not status.get("foreign") and all(len(installed(peer)) < 2 for peer in status.get("peers", []))


def up(status: Status, name: str) -> bool:
    """Tell whether a gateway says that its tunnel to *name* stands."""
    peer = peer_of(status, name)
    return bool(ike_of(peer).get("state") == "ESTABLISHED" and child_of(peer).get("state") == "INSTALLED")


def state_of(status: Status, name: str) -> str:
    """Return in words what a gateway says of its tunnel to *name*."""
    if not status:
        return "no gateway runs"
    peer = peer_of(status, name)
    return f"IKE SA {ike_of(peer).get('state', 'missing')}, CHILD SA {child_of(peer).get('state', 'missing')}"


def may_answer(scenario: Scenario, site: str, peer: str) -> bool:
    """Tell whether an echo may be back within the time-out of ``/vnf/probe``, with a tenth for the machine itself."""
    between = underlays_between(scenario, site, peer)
    return all(2 * (underlay.delay_ms + underlay.jitter_ms) < 0.9 * TIMEOUT_MS for underlay in between)


def answers_of_all(context: Context, sites: Sequence[str]) -> Answers:
    """Return what :func:`answers` does for each of *sites* and all others, measured side by side."""
    others = [[other for other in sites if other != site] for site in sites]
    with ThreadPoolExecutor() as pool:
        return dict(zip(sites, pool.map(lambda site, peers: answers(context, site, peers), sites, others), strict=True))


def answers(context: Context, site: str, peers: Sequence[str]) -> dict[str, bool]:
    """Return which *peers*' gateways answer echoes that *site*'s gateway sends from its LAN's address.

    Only a tunnel takes such echoes, so an answer shows that it carries packets both ways, whatever the gateways say.
    Left out are peers whose answers a gateway does not wait for, because the underlay is to delay them so long, and all
    of a product without ``/vnf/probe``.
    """
    scenario = context.scenario
    peers = [peer for peer in peers if may_answer(scenario, site, peer)][:MAX_PEERS]
    addresses = {peer: str(scenario.topology.sites[peer].gateway) for peer in peers}
    request = {"echoes": ECHOES, "peers": [{"name": peer, "address": addresses[peer]} for peer in peers]}
    vnf = context.view(site).vnf(context.service_id, GATEWAY)
    if vnf is None or not peers:
        return dict.fromkeys(peers, False)
    try:
        if not vnf.access.has("vnf/probe"):
            return {}
        probed = json.loads(vnf.access.run(["/vnf/probe"], input=json.dumps(request)))
    except (ProbeError, json.JSONDecodeError):  # it has ended, or has nothing to measure from: no packet gets through
        return dict.fromkeys(peers, False)
    times = {peer["name"]: peer["round_trips_ms"] for peer in probed["peers"]}
    return {peer: any(time is not None for time in times.get(peer, [])) for peer in peers}


def gateway_log(context: Context, site: str) -> str:
    """Return the last lines that the gateway of *site* has written; empty when there is none or nothing to read."""
    view = context.view(site)
    vnf = view.vnf(context.service_id, GATEWAY)
    if vnf is None:
        return ""
    command = f"docker logs --tail {LOG_LINES} {vnf.container.id} 2>&1"
    try:
        return view.run(["sh", "-c", command])
    except ViewError as error:
        return f"the log cannot be read: {error}"


def why_not(log: str) -> str:
    """Return the line of a gateway's *log* that says why it does not connect; empty when none does.

    It is the last one about a certificate that holds no longer, else the last that explains something, else the last
    with an error of IKEv2.
    """
    lines = [line.strip() for line in log.splitlines()]
    for words in (_CERTIFICATE, _EXPLAINED, _NOTIFIED):
        if found := [line for line in lines if words.search(line)]:
            return found[-1][:_LONGEST_LINE]
    return ""
