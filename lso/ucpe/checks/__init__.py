"""What a box is held against: each check is a coroutine from box and trial to the checks of a report.

It raises UcpeError for an endpoint that does not do what it is asked, which is a finding, and Unjudged where another
check's finding leaves nothing to judge.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lso.checking.steps import ContractCheck
from lso.ucpe.box import Box
from lso.ucpe.checks import chain, container, database, endpoints, engine, ports, removal, switch, tls
from lso.ucpe.contract import PAGE
from lso.ucpe.trial import Trial
from reports.model import Check


class BoxCheck(ContractCheck[Callable[[Box, Trial], Awaitable[list[Check]]]]):
    """A check of a box; its places are clauses, with commas between them."""

    page = PAGE


def _of_box(run: Callable[[Box], Awaitable[list[Check]]]) -> Callable[[Box, Trial], Awaitable[list[Check]]]:
    return lambda box, _trial: run(box)


REMOVAL = BoxCheck(
    "removal", "nothing of this check is left, and all else is as before", removal.run, "O2, F2",
    "the names begin with lso-ucpe-check and lsocheck; another check removes what is left",
)  # fmt: skip
CHECKS = (
    BoxCheck(
        "endpoints", "it could be enrolled: the three endpoints answer, the ports are there", _of_box(endpoints.run),
        "T1, D1, O1, O5, F1", "start what does not answer, or correct the inventory; POST /edge asks the same",
    ),
    BoxCheck(
        "certificates", "the endpoints prove who they are, by TLS 1.2 or 1.3", _of_box(tls.certificates), "T1, T2",
        "give each a certificate with the address as subjectAltName and serverAuth, and no older versions of TLS",
    ),
    BoxCheck(
        "strangers", "clients without the right certificate get no answer", _of_box(tls.strangers), "T3, T4",
        "dockerd wants --tlsverify and --tlscacert, Open vSwitch --ca-cert with the authority of the clients",
    ),
    BoxCheck(
        "plain-text", "nothing answers without TLS", _of_box(tls.plain), "T5",
        "take tcp:// hosts out of dockerd's settings, and ptcp: out of Open vSwitch's managers and controllers",
    ),
    BoxCheck(
        "engine", "the Docker Engine has the version, drivers and images, and the right time", _of_box(engine.run),
        "D1, D2, D3, M1, M2", "update the engine, load the VNF images (docker load), synchronise the clock (NTP)",
    ),
    BoxCheck(
        "database", "OVSDB has what is used, and the bridge is set as it must be", _of_box(database.run),
        "O1, O2, O3, O4, O5",
        "ovs-vsctl set Bridge NAME fail_mode=secure other_config:datapath-id=…; update older switches",
    ),
    BoxCheck(
        "switch", "rules change by bundles, and are known by their cookies", _of_box(switch.run), "F1, F2, F3, F6",
        "ovs-vsctl set Bridge NAME protocols=…,OpenFlow14; take away rules that switch beside the chain",
    ),
    BoxCheck(
        "ports", "internal ports come, change and go", ports.run, "O6, F4",
        "ovs-vswitchd has to run, with the rights to make interfaces (CAP_NET_ADMIN, /dev/net/tun)",
    ),
    BoxCheck(
        "container", "a container gets ports of the bridge, and all that VNFs ask for", container.run,
        "D4, D5, D6, D7, D8, D9, D11, M2",
        "the engine needs these rights itself, and the kernel macvlan, tun and nf_conntrack",
    ),
    BoxCheck(
        "chain", "frames pass a container's ports as rules say, and are counted", chain.run, "F4, F5",
        "look at the ports with ovs-ofctl dump-ports-desc, and at fail_mode of the bridge",
    ),
    BoxCheck(
        "ending", "the end of a container is told", chain.ending, "D10",
        "let nothing stand before the engine that keeps answers",
    ),
    REMOVAL,
)  # fmt: skip
