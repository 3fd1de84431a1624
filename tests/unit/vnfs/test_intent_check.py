"""The images' own judge of intents (jq) says of each intent what the published schemas say."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .test_contract import INTENTS

VNFS = Path(__file__).parents[3] / "vnfs"
PORTS = [
    {"role": "lan", "mac": "02:42:64:40:00:01", "mtu": 1400, "addresses": []},
    {"role": "wan", "mac": "02:42:64:40:00:05", "mtu": 1400, "addresses": []},
]
pytestmark = pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")


def judged(kind: str, configuration: Any, ports: Any = PORTS) -> tuple[int, dict[str, str]]:
    """Return the exit code and the refusal of an intent of that kind."""
    files = (VNFS / "contract" / f"{name}.schema.json" for name in ("common", f"{kind}-intent"))
    schemas = [json.loads(file.read_text()) for file in files]
    program = f'include "contract"; accepted({json.dumps(schemas)})'
    intent = {"contract": "1", "kind": kind, "name": "fw", "ports": ports, kind: configuration}
    done = subprocess.run(
        ["gojq", "-Rs", "-L", str(VNFS / "common"), program],
        input=json.dumps(intent), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stderr) if done.stderr else {}


def judge(firewall: Any, ports: Any = PORTS) -> tuple[int, dict[str, str]]:
    return judged("firewall", firewall, ports)


RULE = {"id": "a", "action": "allow"}
CASES = [
    ({"default": "deny", "rules": [RULE]}, None),
    ({"default": "deny", "rules": [{**RULE, "protocol": "udp", "source_ports": ["1-2"]}]}, None),
    ({"default": "deny"}, "firewall"),
    ({"default": "no", "rules": []}, "firewall.default"),
    ({"default": "deny", "rules": {}}, "firewall.rules"),
    ({"default": "deny", "rules": [{**RULE, "colour": "red"}]}, "firewall.rules[0].colour"),
    ({"default": "deny", "rules": [RULE, {**RULE, "source": ["10.0.0.0/40"]}]}, "firewall.rules[1].source[0]"),
    ({"default": "deny", "rules": [{**RULE, "source_ports": ["1"]}]}, "firewall.rules[0]"),
    ({"default": "deny", "rules": [{**RULE, "protocol": "icmp", "source_ports": ["1"]}]}, "firewall.rules[0].protocol"),
]


@pytest.mark.parametrize(("firewall", "path"), CASES)
def test_refusals_name_the_place(firewall: Any, path: str | None) -> None:
    code, refusal = judge(firewall)
    assert (code, refusal.get("path")) == ((0, None) if path is None else (2, path))


def test_roles_and_macs_are_checked() -> None:
    rules = {"default": "deny", "rules": []}
    assert judge(rules, [PORTS[0], {**PORTS[1], "role": "lan"}])[1]["path"] == "ports"
    assert judge(rules, [PORTS[0], {**PORTS[1], "mac": PORTS[0]["mac"]}])[1]["path"] == "ports[1].mac"


@pytest.mark.parametrize("kind", INTENTS)
def test_an_intent_with_all_that_its_kind_knows_is_accepted(kind: str) -> None:
    assert judged(kind, INTENTS[kind]) == (0, {})


@pytest.mark.parametrize("identity", ["0.0.0.0", "10.0.0.1-10.0.0.9", "-a", "a b", ""])  # noqa: S104  (binds nothing)
def test_an_identity_is_of_one_peer(identity: str) -> None:
    peer = {**INTENTS["ipsec"]["peers"][0], "identity": identity}
    code, refusal = judged("ipsec", {**INTENTS["ipsec"], "peers": [peer]})
    assert (code, refusal["path"]) == (2, "ipsec.peers[0].identity")
