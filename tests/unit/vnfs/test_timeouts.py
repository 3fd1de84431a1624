"""How long firewalls keep states: the contract's numbers are the same everywhere, and what the kernel has is told."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scenarios.network.firewall import StateTimeouts

VNFS = Path(__file__).parents[3] / "vnfs"
FIREWALLS = [path.parent for path in sorted(VNFS.glob("*/product.json")) if '"firewall"' in path.read_text()]
SCHEMA = json.loads((VNFS / "contract" / "firewall-intent.schema.json").read_text())
DEFAULTS = {name: entry["default"] for name, entry in SCHEMA["$defs"]["timeouts"]["properties"].items()}
needs_jq = pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")


def jq(expression: str, value: Any) -> str:
    libraries = ("-L", str(VNFS / "common"), "-L", str(VNFS / "contract"))
    program = f'include "conntrack"; {expression}'
    done = subprocess.run(
        ["gojq", "-cr", *libraries, program], input=json.dumps(value), capture_output=True, text=True, check=True
    )
    return done.stdout


def settings(intent: Any) -> dict[str, str]:
    """Return what jq says that each sysctl has to be."""
    return {line.split()[3]: line.split()[4] for line in jq("settings", intent).splitlines()}


def test_the_contract_the_templates_and_the_verb_have_the_same_defaults() -> None:
    types = yaml.safe_load((VNFS.parent / "orchestrator" / "types" / "lso_types.yaml").read_text())["data_types"]
    properties = types["lso.datatypes.StateTimeouts"]["properties"]
    assert {name: entry["default"] for name, entry in properties.items()} == DEFAULTS
    assert StateTimeouts().model_dump() == DEFAULTS


@needs_jq
@pytest.mark.parametrize("product", FIREWALLS, ids=lambda product: product.name)
def test_the_sysctls_of_a_descriptor_are_the_defaults(product: Path) -> None:
    (node_type,) = yaml.safe_load((product / "descriptor.yaml").read_text())["node_types"].values()
    declared = node_type["properties"]["sysctls"]["default"]
    wanted = {f"net.netfilter.nf_conntrack_{name}": seconds for name, seconds in settings(None).items()}
    kernels_own = {"net.netfilter.nf_conntrack_icmp_timeout": "30", "net.netfilter.nf_conntrack_icmpv6_timeout": "30"}
    assert declared | kernels_own == wanted


@needs_jq
def test_an_intent_changes_what_it_names() -> None:
    changed = settings({"firewall": {"timeouts": {"tcp_closing": 9000, "udp": 7}}})
    differing = {name: seconds for name, seconds in changed.items() if settings(None)[name] != seconds}
    closing = dict.fromkeys(("fin_wait", "close_wait", "last_ack", "time_wait", "close"), "9000")
    ends_nothing = dict.fromkeys(("max_retrans", "unacknowledged"), "9000")
    assert differing == {f"tcp_timeout_{name}": it for name, it in (closing | ends_nothing).items()} | {
        "udp_timeout": "7"
    }


@needs_jq
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, {}),
        ({"tcp_timeout_established": 432000}, {"tcp_established": [7440, 432000]}),
        ({"tcp_timeout_close": 10}, {"tcp_closing": [10, 240]}),
        ({"tcp_timeout_syn_recv": 60}, {"tcp_opening": [60, 240]}),
        ({"tcp_timeout_unacknowledged": 300}, {"tcp_established": [300, 7440]}),
        (
            {"tcp_timeout_max_retrans": 5},
            {"tcp_opening": [5, 240], "tcp_established": [5, 7440], "tcp_closing": [5, 240]},
        ),
        ({"udp_timeout": 30, "udp_timeout_stream": 120}, {"udp": [30], "udp_stream": [120]}),
        ({"icmpv6_timeout": 3}, {"icmp": [3, 30]}),
        ({"sctp_timeout_closed": 3}, {}),
    ],
)
def test_what_the_kernel_has_is_told(changed: dict[str, int], told: dict[str, list[int]]) -> None:
    kernel = {name: int(seconds) for name, seconds in settings(None).items()} | changed
    expected = {name: [seconds] for name, seconds in DEFAULTS.items()} | told
    assert json.loads(jq("in_force", kernel)) == expected


@needs_jq
def test_a_kernel_that_tracks_nothing_has_none() -> None:
    assert json.loads(jq("in_force", None)) == {name: [] for name in DEFAULTS}
