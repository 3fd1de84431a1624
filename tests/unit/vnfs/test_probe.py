"""The gateway's own part of a measurement (jq): what it is asked, and what it makes of the program that measures."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

VNFS = Path(__file__).parents[3] / "vnfs"
NAMES = ("common", "ipsec-probe", "ipsec-probed")
SCHEMAS = {name: json.loads((VNFS / "contract" / f"{name}.schema.json").read_text()) for name in NAMES}
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
)
REQUEST = {
    "echoes": 3,
    "peers": [{"name": name, "address": f"10.{number}.0.1"} for number, name in enumerate("bcd", 2)],
}
APPLIED = {
    "name": "gateway",
    "ports": [{"role": "wan", "addresses": ["198.51.100.1/24"]}, {"role": "lan", "addresses": ["10.1.0.1/24"]}],
}
pytestmark = pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")


def jq(text: str, program: str) -> tuple[int, Any]:
    """Exit code, and what was printed, or the refusal."""
    done = subprocess.run(
        ["gojq", "-cRs", "-L", str(VNFS / "common"), f'include "probe"; {program}'],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stderr or done.stdout)


def asked(request: str, applied: Any = APPLIED) -> tuple[int, Any]:
    return jq(request, f"asked({json.dumps([SCHEMAS['common'], SCHEMAS['ipsec-probe']])}; {json.dumps(applied)})")


def test_the_addresses_are_asked_from_the_lan_once_each() -> None:
    twice = {**REQUEST, "peers": [*REQUEST["peers"], {"name": "e", "address": "10.2.0.1"}]}  # type: ignore[misc]
    assert asked(json.dumps(twice)) == (
        0,
        {"echoes": 3, "targets": "10.2.0.1 10.3.0.1 10.4.0.1", "source": "10.1.0.1", "name": "gateway"},
    )


@pytest.mark.parametrize(
    ("request_text", "applied", "code", "said"),
    [
        ("{", APPLIED, 2, "not JSON"),
        (json.dumps({**REQUEST, "echoes": 0}), APPLIED, 2, "must be at least 1"),
        (json.dumps({**REQUEST, "peers": [{"name": "b", "address": "-x"}]}), APPLIED, 2, "malformed"),
        (json.dumps(REQUEST), None, 3, "no intent is in force"),
        (json.dumps(REQUEST), {**APPLIED, "ports": [{"role": "lan", "addresses": []}]}, 3, "no address"),
    ],
)
def test_what_cannot_be_measured_is_refused(request_text: str, applied: Any, code: int, said: str) -> None:
    found = asked(request_text, applied)
    assert found[0] == code
    assert said in found[1]["error"]


PRINTED: list[tuple[str, list[list[float | None]]]] = [
    ("10.2.0.1 : 0.91 - 2\n10.3.0.1 : - - -\n10.4.0.1 : 12.3 0.04 7\n", [[0.91, None, 2], [None] * 3, [12.3, 0.04, 7]]),
    ("10.2.0.1  : 1 2 3\nsend: Network is unreachable\n", [[1, 2, 3], [None] * 3, [None] * 3]),
    ("", [[None] * 3] * 3),
]  # fmt: skip


@pytest.mark.parametrize(("printed", "times"), PRINTED)
def test_what_was_measured(printed: str, times: list[list[float | None]]) -> None:
    answer = '{contract: "1", kind: "ipsec", name: "gateway", source: "10.1.0.1"'
    code, found = jq(printed, f"{answer}, peers: [measured({json.dumps(REQUEST)})]}}")
    assert code == 0
    assert [peer["round_trips_ms"] for peer in found["peers"]] == times
    Draft202012Validator(SCHEMAS["ipsec-probed"], registry=REGISTRY).validate(found)
