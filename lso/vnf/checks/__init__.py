"""What a product is held against: each check is a function from a session to the checks of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lso.checking.steps import ContractCheck
from lso.vnf.checks import crash, idempotence, image, ports, refusals, resources, restart, secrets, start
from lso.vnf.firewall import change, every_port, timeouts, wire_table
from lso.vnf.ipsec import tunnel
from lso.vnf.session import Session
from lso.vnf.statistics import totals
from reports.model import Check

CONTRACT = "docs/vnf-contract.md"


class ProductCheck(ContractCheck[Callable[[Session], Iterator[Check]]]):
    """A check of a product; its places are sections of the contract."""

    page = CONTRACT


GENERAL_FIRST = (
    ProductCheck(
        "image", "the image has the labels and the executables of its kind", image.run, "Image",
        "correct the `LABEL` line and the files under `/vnf` in the Dockerfile; `product.json` and the descriptor say "
        "the same", needed=True,
    ),
    ProductCheck(
        "start", "without an intent it runs, and its status says so", start.run, "Status",
        "`/vnf/status` must work from the first moment: `ready` false, `name` and `intent_sha256` null", needed=True,
    ),
    ProductCheck(
        "apply", "an intent is in force when `/vnf/apply` has ended, byte for byte", start.apply, "Image and Status",
        "make the intent so before `/vnf/apply` ends with 0; `intent_sha256` is that of the octets on its stdin",
        needed=True,
    ),
    ProductCheck(
        "ports", "ports are found by their MAC addresses and are as the intent says", ports.run, "Intent",
        "find the interfaces by MAC, set their MTU, and remove addresses and default routes that no intent names; "
        "larger packets come in all the same, and pass a transparent product",
    ),
    ProductCheck(
        "refusals", "bad intents are refused, and change nothing", refusals.run, "Image (exit code 2) and Intent",
        "validate the whole intent before you touch anything; print `{\"error\",\"path\"}` on stderr and end with 2",
    ),
    ProductCheck(
        "idempotence", "applying an intent twice is applying it once", idempotence.run, "Image",
        "replace what was there instead of adding to it, and leave alone what is as it should be",
    ),
)  # fmt: skip
GENERAL_LAST = (
    ProductCheck(
        "restart", "it ends at once on SIGTERM, and comes back with its intent", restart.run, "Image",
        "process 1 handles SIGTERM; at every start it applies `/var/lib/vnf/intent.json` once the ports are there",
    ),
    ProductCheck(
        "crash", "whichever process is killed, it is at work again", crash.run, "Image",
        "start a process anew and give it the kept intent, or let process 1 end with it, so that the Docker Engine "
        "starts the container again",
    ),
    ProductCheck(
        "resources", "it asks for little, and does not grow", resources.run, "Image (capabilities, devices, sysctls)",
        "name what is needed in the descriptor and no more; reap children, and write nothing on each call",
    ),
    ProductCheck(
        "secrets", "what is secret stays so", secrets.run, "Image (0600)",
        "keep the intent readable by root alone, and keep its secrets out of logs, the status and arguments",
    ),
)  # fmt: skip
BY_KIND: dict[str, tuple[ProductCheck, ...]] = {
    "firewall": (
        ProductCheck(
            "wire-table", "packets and counters are as each case of `vnfs/contract/firewall-cases.yaml` says",
            wire_table.run, "firewall", "each case has its rules and packets in that file: send them by hand first",
        ),
        ProductCheck(
            "every-port", "of all ports, protocols and EtherTypes only what a rule allows passes, and all is counted",
            every_port.run, "firewall", "let nothing pass but by a rule, and count each packet once",
        ),
        ProductCheck(
            "change", "a change cuts what it forbids, and nothing else", change.run, "firewall",
            "judge open connections by the new rules, and keep the counters of rules that did not change",
        ),
        ProductCheck(
            "timeouts", "states of connections live as long as the intent or the contract's defaults say", timeouts.run,
            "firewall", "set them in the engine, by the descriptor's sysctls for instance, and tell what is in force",
        ),
    ),
    "statistics": (
        ProductCheck(
            "totals", "every number is exactly that of the packets that were sent", totals.run, "statistics",
            "count each packet that crosses once, by its IP total length, and drop what cannot be counted",
        ),
    ),
    "ipsec": (
        ProductCheck(
            "tunnel", "tunnels with another product come up, carry packets, and only ESP is seen", tunnel.run, "ipsec",
            "the logs of both sides have the reason: run the check again and look at them with docker logs meanwhile",
        ),
        ProductCheck(
            "leaks", "without an agreed key nothing passes", tunnel.leaks, "ipsec",
            "let nothing pass between LAN and WAN but through a security association, established or not",
        ),
    ),
}  # fmt: skip


def checks_of(kind: str) -> tuple[ProductCheck, ...]:
    """All checks of a kind, in their order."""
    return (*GENERAL_FIRST, *BY_KIND.get(kind, ()), *GENERAL_LAST)
