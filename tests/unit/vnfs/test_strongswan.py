"""What strongSwan is told of an intent (jq)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from .test_contract import INTENTS, PEER, PORTS, VNFS

pytestmark = pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")
LIBRARY = ["-L", str(VNFS / "common"), "-L", str(VNFS / "strongswan")]


def compiled(before: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    """What apply finds."""
    ipsec = {**INTENTS["ipsec"], "peers": [PEER], **changes}
    now = {"contract": "1", "kind": "ipsec", "name": "gateway", "ports": PORTS, "ipsec": ipsec}
    done = subprocess.run(
        ["gojq", "-c", *LIBRARY, "--argjson", "before", json.dumps(before), 'include "compile"; compile($before)'],
        input=json.dumps(now), capture_output=True, text=True, check=True,
    )  # fmt: skip
    strings: dict[str, str] = json.loads(done.stdout)
    return strings


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"ike_lifetime_seconds": 15}, ["rekey_time = 10s", "rand_time = 2s", "over_time = 5s"]),
        ({"child_lifetime_seconds": 3600}, ["rekey_time = 2400s", "rand_time = 600s", "life_time = 3600s"]),
        ({"local": {**INTENTS["ipsec"]["local"], "crl": "revoked"}}, ["revocation = strict"]),
    ],
)
def test_an_intent_adds_what_it_names_and_no_more(changes: dict[str, Any], lines: list[str]) -> None:
    usual = [line.strip() for line in compiled()["configuration"].splitlines()]
    now = [line.strip() for line in compiled(**changes)["configuration"].splitlines()]
    assert [line for line in now if line not in lines] == usual
    assert [line for line in now if line in lines] == lines
    assert not any(word in line for line in usual for word in ("_time", "revocation"))


@pytest.mark.parametrize("seconds", [10, 11, 12, 15, 60, 28800])
def test_the_ends_of_a_tunnel_do_not_replace_an_association_at_once(seconds: int) -> None:
    times = {}
    for initiate in (True, False):
        peers = [{**PEER, "initiate": initiate}]
        made = compiled(peers=peers, ike_lifetime_seconds=seconds, child_lifetime_seconds=seconds)
        configuration = made["configuration"]
        found = {name: set(re.findall(rf"{name} = (\d+)s", configuration)) for name in ("rekey_time", "rand_time")}
        times[initiate] = {name: int(value) for name, (value,) in found.items()}
        over = re.search(r"over_time = (\d+)s", configuration)
        assert over is not None
        assert times[initiate]["rekey_time"] + int(over[1]) == seconds
        assert f"life_time = {seconds}s" in configuration
    assert times[True]["rand_time"] > 0
    assert times[True]["rekey_time"] < times[False]["rekey_time"] - times[False]["rand_time"] < seconds


def test_another_lifetime_or_list_begins_anew() -> None:
    before = {"ipsec": {**INTENTS["ipsec"], "peers": [PEER]}}
    assert compiled(before)["stale"] == ""
    assert compiled(before, child_lifetime_seconds=60)["stale"] == "site-b"
    assert compiled(before, local={**INTENTS["ipsec"]["local"], "crl": "revoked"})["stale"] == "site-b"
