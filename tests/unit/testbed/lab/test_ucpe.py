"""Names of a lab's uCPEs in the protocols that they speak."""

from __future__ import annotations

from testbed.lab.ucpe import datapath_id


def test_datapath_ids_are_valid_and_distinct() -> None:
    ids = {datapath_id(lab, site) for lab in "ab" for site in ("site-a", "site-b")}
    assert len(ids) == 4
    assert all(len(found) == 16 and int(found, 16) < 1 << 48 for found in ids)
