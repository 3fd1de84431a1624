"""What the sampled ESP of an underlay opens to; the frames beside it are in the tests of the audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios.network.wire import CaptureFile
from scenarios.verbs.underlay_explained import ExplainedEvidence, UnderlayExplained

GATEWAYS = "198.51.100.1", "198.51.100.2"
OPENED = Path(__file__).parents[1] / "evidence" / "wire.decrypts"


@pytest.mark.parametrize(
    ("case", "lans", "keys", "wrong"),
    [
        ("passed", ["10.1.0.0/24", "10.2.0.0/24"], {}, 0),
        ("passed", ["10.1.0.0/24"], {}, 4),
        ("passed", ["10.1.0.0/24", "10.2.0.0/24"], {"encryption_key": "00" * 36}, 4),
        ("passed", ["10.1.0.0/24", "10.2.0.0/24"], {"spi": "00000001"}, 0),
    ],
    ids=["as ordered", "from elsewhere", "does not open", "replaced before its keys were told"],
)
def test_sampled_esp_opens_to_packets_between_lans(
    case: str, lans: list[str], keys: dict[str, str], wrong: int, tmp_path: Path
) -> None:
    told = json.loads((OPENED / case / "site-a-keys.json").read_text())
    (tmp_path / "keys.json").write_text(json.dumps({"sas": [entry | keys for entry in told["sas"]]}))
    (tmp_path / "histories.json").write_text("{}")
    sample = CaptureFile(file=OPENED / case / "internet-site-a.pcap", name="internet site-a", underlay="internet")
    evidence = ExplainedEvidence(
        gateways=GATEWAYS,
        sites=("a",),
        links=(),
        histories=tmp_path / "histories.json",
        samples=(sample,),
        keys=tmp_path / "keys.json",
        lans=tuple(lans),
    )
    (check,) = UnderlayExplained().judge(evidence).checks
    assert (check.name, check.measured) == ("ESP on internet site-a that opens to no packet between LANs", str(wrong))


def test_keys_that_cannot_be_used_prove_nothing(tmp_path: Path) -> None:
    for name, text in (("keys.json", '{"sas": [{"spi": "none"}]}'), ("histories.json", "{}")):
        (tmp_path / name).write_text(text)
    files = {name: tmp_path / f"{name}.json" for name in ("keys", "histories")}
    judgement = UnderlayExplained().judge(ExplainedEvidence(gateways=GATEWAYS, sites=("a",), links=(), **files))
    assert (judgement.verdict, judgement.checks[0].expected) == (Verdict.FAILED, "usable keys")
