"""Snapshots from somebody else's bundle: they are read within bounds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios.steps.observation import Observation, judge
from scenarios.verbs import service_removed
from scenarios.verbs.service_removed import RemovedEvidence, ServiceRemoved, SiteBeforeAndAfter

EMPTY = json.dumps({"both": {"mounts": {}}, "before": {}, "after": {}}).encode()


@pytest.mark.parametrize(
    ("octets", "verdict"), [(len(EMPTY), Verdict.PASSED), (len(EMPTY) - 1, Verdict.ERROR)], ids=["fits", "too-large"]
)
def test_snapshots_are_unpacked_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(service_removed, "LARGEST", octets)
    file = tmp_path / "site-a.json.gz"
    file.write_bytes(gzip.compress(EMPTY))
    evidence = RemovedEvidence(left=None, sites=(SiteBeforeAndAfter(site="site-a", snapshots=file),))
    judged = judge(ServiceRemoved(), Observation.of(ServiceRemoved(), evidence, None))
    assert judged.verdict is verdict, judged.message


def test_a_file_that_grows_a_thousand_times_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "site-a.json.gz"
    file.write_bytes(gzip.compress(b" " * (service_removed.LARGEST + 1)))
    evidence = RemovedEvidence(left=None, sites=(SiteBeforeAndAfter(site="site-a", snapshots=file),))
    judged = judge(ServiceRemoved(), Observation.of(ServiceRemoved(), evidence, None))
    assert "is larger than" in judged.message
