from __future__ import annotations

import threading
from pathlib import Path

from testbed.journal import Entry, Journal


def test_entries_come_back_in_order_and_by_kind(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert list(journal.entries()) == []
    journal.record("namespace", "/run/x/ns/a")
    journal.record("container", 'odd "name"\n')
    assert list(journal.entries()) == [Entry("namespace", "/run/x/ns/a"), Entry("container", 'odd "name"\n')]
    assert list(journal.entries("container")) == [Entry("container", 'odd "name"\n')]
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.record("network", "lso-a")
    with journal.path.open("a") as file:
        file.write('{"kind": "contai')
    assert [entry.name for entry in journal.entries()] == ["lso-a"]


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    threads = [
        threading.Thread(target=lambda n=n: [journal.record("t", f"{n}-{i}") for i in range(50)]) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.name for entry in journal.entries()) == sorted(f"{n}-{i}" for n in range(4) for i in range(50))
