"""``lso ls`` counts the nodes of a lab; ``lso exec`` shows how it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lso.commands import ls
from testbed.host.namespace import Namespace
from testbed.lab import Lab
from testbed.nodes.node import Node
from testbed.progress import Clock


@pytest.mark.parametrize(
    ("sites", "hosts", "underlays", "text"),
    [
        (20, 20, 1, "20 sites, 20 hosts, 1 underlay"),
        (1, 2, 0, "1 site, 2 hosts"),
        (0, 0, 0, "none"),
    ],
)
def test_nodes_are_counted_by_kind(tmp_path: Path, sites: int, hosts: int, underlays: int, text: str) -> None:
    lab = Lab(tmp_path, None, None, Clock())

    def nodes(kind: str, count: int) -> dict[str, Node]:
        names = [f"{kind}{number}" for number in range(count)]
        return {name: Node(name, kind, Namespace(f"/proc/self/ns/net#{name}", name)) for name in names}

    lab.ucpes, lab.hosts, lab.underlays = nodes("ucpe", sites), nodes("host", hosts), nodes("underlay", underlays)
    lab.lans = nodes("lan", sites)
    assert ls._counted(lab) == text


def test_a_lab_and_orphans_exclude_each_other(lso: Any) -> None:
    ran = lso("ls", "x", "--orphans")
    assert (ran.code, ran.err) == (2, "lso: --orphans are of labs that are gone: leave LAB out\n")


def test_the_usage_of_exec_names_its_command(lso: Any) -> None:
    usage = lso("exec", "--help").out.splitlines()[0]
    assert usage == "usage: lso exec [-h] LAB NODE [--] [COMMAND [ARGUMENT ...]]"
