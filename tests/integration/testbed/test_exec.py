from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.errors import Ended
from testbed.host.engine import engine
from testbed.lab import Lab
from testbed.spec.model import LabSpec


@pytest.fixture
def lab(two_sites: LabSpec) -> Iterator[Lab]:
    with Lab.create(two_sites) as running:
        yield running


def lso(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lso", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def container_of(lab: Lab, site: str) -> str:
    found = engine().api.containers(filters={"label": [f"lso.lab={lab.id}", f"lso.node={site}"]})
    return str(found[0]["Id"])


def test_a_name_means_one_node_whatever_becomes_of_it(lab: Lab, tmp_path: Path) -> None:
    assert lso("exec", lab.id, "site-a", "--", "hostname").stdout == "site-a\n"
    assert "br0" in lso("exec", lab.id, "lan.site-a", "--", "ip", "link").stdout
    marker = tmp_path / "marker"
    site_a, site_b = container_of(lab, "site-a"), container_of(lab, "site-b")
    for site, action, word in (("site-a", engine().api.kill, "has ended"), ("site-b", engine().api.pause, "is paused")):
        action({"site-a": site_a, "site-b": site_b}[site])
        for node in (site, f"{site}/ipsec"):
            done = lso("exec", lab.id, node, "--", "touch", str(marker))
            assert done.returncode == 3
            assert done.stderr.startswith(f"lso: uCPE {site} {word}")
            assert not marker.exists()
    row = next(row for row in json.loads(lso("ls", "--json").stdout) if row["id"] == lab.id)
    assert row["ended"] == ["site-a"]
    assert {"site-a", "site-b", "host-a"} <= set(row["nodes"])
    with pytest.raises(Ended, match="uCPE site-a has ended"):
        lab.ucpes["site-a"].exec(["true"])
    engine().api.restart(site_a, timeout=0)  # another process than the lab's, without its ports
    assert "uCPE site-a was restarted, which ends its ports" in lso("exec", lab.id, "site-a", "--", "true").stderr
