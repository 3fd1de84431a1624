"""A SQLite file belongs to one server, and to one that notices when it is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.database import DatabaseError
from orchestrator.model import StoreError
from presto.persistence.database_lock import DatabaseLock
from presto.web.server import BackgroundServer, build_app

ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"
ORDER = json.loads((Path(__file__).parents[1] / "order.json").read_text(encoding="utf-8"))


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Any]:
    """Another process that holds the lock."""
    text = "import sys, time; from presto.persistence.database_lock import DatabaseLock; "
    text += "DatabaseLock(sys.argv[1]).acquire(); "
    command = [sys.executable, "-c", text + "print(flush=True); time.sleep(600)", str(tmp_path / "presto.db")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_a_second_server_is_refused(sites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("presto.persistence.database_lock.WAIT_SECONDS", 0.1)
    database = tmp_path / "presto.db"
    (tmp_path / "link.db").symlink_to(database)
    with BackgroundServer(build_app(sites, str(database))) as server:
        for name in ("presto.db", "link.db"):
            with pytest.raises(StoreError, match=rf"another server works on .*/presto.db \(process {os.getpid()}\)"):
                build_app(sites, str(tmp_path / name))
        with BackgroundServer(build_app(sites, str(tmp_path / "other.db"))):
            pass
        assert httpx.get(f"{server.url}{ORDERING}/serviceOrder").json() == []
    with BackgroundServer(build_app(sites, str(database))):
        pass


def test_the_command_says_so_and_ends_with_2(sites: Path, tmp_path: Path, holder: Any) -> None:
    command = [
        sys.executable,
        "-m",
        "lso",
        "serve",
        "--inventory",
        sites,
        "--database",
        tmp_path / "presto.db",
        "--port",
        "0",
    ]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended
    assert f"another server works on the database {tmp_path}/presto.db (process {holder.pid})" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "presto.db").exists(), "it was not touched"


def test_a_lock_ends_with_its_process(tmp_path: Path, holder: Any) -> None:
    lock = DatabaseLock(str(tmp_path / "presto.db"))
    with pytest.raises(DatabaseError):
        lock.acquire(0.1)
    holder.send_signal(signal.SIGKILL)
    lock.acquire(10)
    lock.release()


@pytest.mark.parametrize("fate", ["removed", "replaced", "moved and back"])
def test_a_file_that_is_gone_takes_no_order(sites: Path, tmp_path: Path, fate: str) -> None:
    database = tmp_path / "presto.db"
    with BackgroundServer(build_app(sites, str(database))) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/presto-sdwan/v1/service").json() == []
        aside = database.rename(tmp_path / "aside.db")
        if fate == "replaced":
            database.write_bytes(aside.read_bytes())
        answers = [
            http.post("/restconf/operations/create-connectivity-service", json={"input": ORDER}),
            http.post(f"{ORDERING}/hub", json={"callback": "https://listener.example/x"}),
            http.get(f"{ORDERING}/serviceOrder"),
            http.get("/presto-sdwan/v1/service"),
        ]
        assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 4
        assert database.exists() is (fate == "replaced"), "no empty file in its place"
        assert str(tmp_path) not in "".join(answer.text for answer in answers)
        if fate == "moved and back":
            aside.rename(database)
            deadline = time.monotonic() + 20
            while (
                http.post("/restconf/operations/create-connectivity-service", json={"input": ORDER}).status_code != 200
            ):
                assert time.monotonic() < deadline
                time.sleep(0.05)
