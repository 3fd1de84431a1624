"""``lso reap``: with ``--dry-run`` it says what would go and removes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lso.commands import reap
from testbed.ownership.resources import Resource


@pytest.mark.parametrize(("options", "said"), [(["--dry-run"], "would remove"), ([], "removed")])
def test_what_goes_is_told_and_only_looked_at_in_a_dry_run(
    lso: Any, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    dry_runs: list[bool] = []

    def reaped(*, dry_run: bool) -> tuple[Resource, ...]:
        dry_runs.append(dry_run)
        return (Resource("bridge", "s1", "lab-1"),)

    monkeypatch.setattr(reap, "reap", reaped)
    monkeypatch.setattr(reap, "undecided", lambda: {"lab-2": "it was made on another machine"})
    monkeypatch.setattr(reap, "dead", lambda: ["/tmp/left"])  # noqa: S108
    monkeypatch.setattr(reap, "remove_dead", lambda: [] if options else ["/tmp/left"])  # noqa: S108
    ran = lso("reap", *options)
    assert (ran.code, dry_runs) == (0, [bool(options)])
    assert ran.out.splitlines() == [f"{said} {Resource('bridge', 's1', 'lab-1')}", f"{said} folder /tmp/left"]
    assert ran.err == "left alone lab lab-2: it was made on another machine\n"
