"""A server over the real orchestrator, with uCPEs in memory, and the command line as people use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lso.__main__ import main
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer


@dataclass(frozen=True)
class Ran:
    """What a command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def southbound() -> MemorySouthbound:
    return MemorySouthbound(memory_inventory(4))


@pytest.fixture
def server(southbound: MemorySouthbound, tmp_path: Path) -> Iterator[str]:
    """The URL of a server for four sites."""
    enrolled = memory_inventory(4)
    orchestrator = Orchestrator(
        enrolled, f"sqlite:///{tmp_path}/orchestrator.db", connect=southbound.connect, ended=southbound.ended
    )
    core = Core(enrolled, Store(open_engine(str(tmp_path / "presto.db"))), orchestrator)
    with BackgroundServer(create_app(core)) as running:
        yield running.url


@pytest.fixture
def lso(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs `lso` with arguments in an environment without anything of LSO."""
    for name in ("URL", "TOKEN", "TOKEN_FILE", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE", "CA", "SCOPE"):
        monkeypatch.delenv(f"LSO_{name}", raising=False)

    def run(*arguments: str, **environment: str) -> Ran:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            try:
                code = main(arguments)
            except SystemExit as refused:  # by argparse
                code = int(refused.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run
