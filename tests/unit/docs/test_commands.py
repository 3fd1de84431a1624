"""Every command of the README, the documentation and the help is run, or a table says what else covers it."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lso import commands as verbs
from orchestrator.inventory import Inventory
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import DEVELOPMENT, BackgroundServer

from ...documented import PAGES, ROOT, blocks, commands_of, elsewhere, run
from ...documented_sessions import ELSEWHERE, IN_A_LAB, IN_MEMORY
from ...ports import free_port

NAMES = [*PAGES, *(module.name for module in pkgutil.iter_modules(verbs.__path__))]
POSTGRESQL = "postgresql+psycopg://lso@/lso?host=/run/postgresql"
PROGRAMS = re.compile(r"(\$ |(\./|\.venv/|LSO_\w+=|(make|lso|docker|curl|pytest|python3?|vagrant|testbed/\S+|sudo) ))")


def test_every_command_is_run_or_it_is_said_what_covers_it() -> None:
    sessions = {*IN_MEMORY, *IN_A_LAB}
    left = [
        f"{command.where}: {command.text}"
        for name in NAMES
        if name not in sessions
        for command in commands_of(name)
        if not elsewhere(command)
    ]
    assert left == []


def test_nothing_in_the_tables_is_left_over() -> None:
    texts = [command.text for name in NAMES for command in commands_of(name)]
    assert [start for start in ELSEWHERE if not any(text.startswith(start) for text in texts)] == []
    for name, session in {**IN_MEMORY, **IN_A_LAB}.items():
        here = [command.text for command in commands_of(name)]
        starts = {*session.codes, *session.unlike}
        assert [start for start in starts if not any(text.startswith(start) for text in here)] == [], name


def test_no_command_stands_outside_of_console_blocks() -> None:
    """Console blocks have `$ ` before each command; there the tests find it."""
    for page in PAGES:
        for block in blocks(page):
            assert block.language in {"", "console", "json", "python", "yaml"}, f"{page}:{block.line}"
            if block.language == "":
                found = [line for line in block.text.splitlines() if PROGRAMS.match(line)]
                assert found == [], f"{page}:{block.line}"
            if block.language == "console":
                assert block.text.startswith("$ "), f"{page}:{block.line}"


def ucpe(name: str) -> dict[str, object]:
    endpoints = {
        "docker": "tcp://memory.invalid:2376",
        "ovsdb": "ssl:memory.invalid:6640",
        "openflow": "ssl:memory.invalid:6653",
    }
    wan = [
        {"port": f"wan{n}", "underlay": underlay, "address": f"198.51.{100 + n}.{ord(name) - 96}/24"}
        for n, underlay in enumerate(("internet", "mpls"))
    ]
    return {"id": f"site-{name}", **endpoints, "bridge": "br-ucpe", "wan": wan}


def uni(name: str) -> dict[str, object]:
    n = ord(name) - 96
    lan = {"port": "lan0", "prefix": f"10.{n}.0.0/24", "provider_address": f"10.{n}.0.1"}
    return {"id": f"0000000{n}-0000-4000-8000-000000000000", "name": f"site-{name}-lan0", "ucpe": f"site-{name}", **lan}


INVENTORY = Inventory.model_validate({"ucpes": [*map(ucpe, "ab")], "unis": [*map(uni, "ab")]})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server over uCPEs in memory: a service of it comes to its end within milliseconds."""
    inventory, database = INVENTORY, tmp_path / "db"
    database.mkdir()
    southbound = MemorySouthbound(inventory)
    orchestrator = Orchestrator(
        inventory, f"sqlite:///{database}/orchestrator.db", connect=southbound.connect, ended=southbound.ended
    )
    core = Core(inventory, Store(open_engine(str(database / "presto.db"))), orchestrator)
    with BackgroundServer(create_app(core, notifications=DEVELOPMENT)) as running:
        yield running.url.rpartition(":")[2]
    southbound.close()


def prepare(folder: Path, name: str) -> None:
    """The files that a reader of the page has made."""
    page = "docs/presto-api.md" if name in {"docs/presto-api.md", "docs/presto-extensions.md"} else "docs/presto-mef.md"
    (folder / "order.json").write_text(first_block(page, "json"), encoding="utf-8")
    wrong = first_block("docs/scenarios.md", "yaml").replace("delay_ms", "dealy_ms", 1)
    (folder / "broken.yaml").write_text(wrong.replace("service.active", "service.activ", 1), encoding="utf-8")
    (folder / "mine.yaml").write_text(
        first_block("docs/matrix.md", "yaml").replace("authentication: psk", "authentication: pks", 1), encoding="utf-8"
    )
    (folder / "two-sites.yaml").symlink_to(ROOT / "scenarios" / "matrix" / "two-sites.yaml")
    (folder / "mine").mkdir()
    (folder / "mine" / "web-is-slow.yaml").write_text(first_block("docs/prove.md", "yaml"), encoding="utf-8")
    (folder / "inventory.json").write_text(INVENTORY.model_dump_json(), encoding="utf-8")


def first_block(page: str, language: str) -> str:
    return next(block.text for block in blocks(page) if block.language == language)


@pytest.mark.parametrize("name", IN_MEMORY)
def test_commands_do_what_is_shown(tmp_path: Path, server: str, name: str, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    prepare(folder, name)
    names = {"8181": server, "8189": str(free_port())}
    if any(POSTGRESQL in command.text for command in commands_of(name)):
        names[POSTGRESQL] = request.getfixturevalue("postgresql_server").new_database()
    wrong = run(name, IN_MEMORY[name], folder, names)
    assert not wrong, "\n\n".join(wrong)
