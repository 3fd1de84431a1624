"""The revisions make the tables that the code has, once, and touch no database that they do not know."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import make_url

import presto
from common.database import DatabaseError, Schema, new_engine, upgrade
from orchestrator.model import StoreError
from orchestrator.store import SCHEMA as ORCHESTRATOR
from orchestrator.store import Store as OrchestratorStore
from presto.persistence.tables import SCHEMA as PRESTO
from presto.persistence.tables import open_engine, orchestrator_url
from presto.web.server import build_app

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
either_schema = pytest.mark.parametrize("schema", [PRESTO, ORCHESTRATOR], ids=lambda schema: schema.name)


def difference(engine: Engine, schema: Schema) -> str:
    """The code that a revision still needs; empty when it makes what the tables are."""
    with engine.connect() as connection:
        options = {"version_table": schema.version_table, "compare_type": True}
        context = MigrationContext.configure(connection, opts={**options, "target_metadata": schema.metadata})
        operations = produce_migrations(context, schema.metadata).upgrade_ops
    assert operations is not None
    return "" if operations.is_empty() else render_python_code(operations)


MAKE = """
import sys
from common.database import new_engine, upgrade
from {module} import SCHEMA

print(upgrade(new_engine(sys.argv[1]), SCHEMA))
"""


def import_tables() -> None:
    """Import every module of the API: a table may be in any."""
    for module in pkgutil.walk_packages(presto.__path__, "presto."):
        if not module.name.startswith("presto.migrations."):
            importlib.import_module(module.name)


@either_schema
def test_the_revisions_make_the_tables_of_the_code(database_url: str, schema: Schema) -> None:
    # In a process of its own, which knows of no table but those that the revisions import.
    module = {"presto": "presto.persistence.tables", "orchestrator": "orchestrator.store"}[schema.name]
    command = [sys.executable, "-c", MAKE.format(module=module), database_url]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    assert said == f"made the {schema.name} tables at revision 0001\n"
    import_tables()
    engine = new_engine(database_url)
    missing = difference(engine, schema)
    assert not missing, f"write into a revision:\n{missing}"
    assert upgrade(engine, schema) is None
    engine.dispose()


def test_two_schemas_live_in_one_database(database_url: str) -> None:
    said: list[str] = []
    for _ in range(2):
        open_engine(database_url, said.append).dispose()
        OrchestratorStore(database_url, said.append).close()
    assert said == [f"database: made the {name} tables at revision 0001" for name in ("presto", "orchestrator")]


def test_the_orchestrator_has_a_sqlite_file_of_its_own(database_url: str) -> None:
    engine = open_engine(database_url)
    url = make_url(orchestrator_url(engine))
    assert url == engine.url or url.database == f"{str(engine.url.database).removesuffix('.db')}.orchestrator.db"
    assert (url == engine.url) is (engine.dialect.name == "postgresql")
    engine.dispose()


@either_schema
def test_the_database_of_a_newer_version_is_refused(database_url: str, schema: Schema) -> None:
    engine = new_engine(database_url)
    upgrade(engine, schema)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.version_table} SET version_num = '9999'"))  # noqa: S608
    with pytest.raises(DatabaseError, match=rf'{schema.name} tables .* at revision "9999".* a newer version'):
        upgrade(engine, schema)
    engine.dispose()


def test_a_newer_version_is_told_where_the_server_starts(database_url: str, sites: Path) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE presto_revision SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="which this version does not know"):
        build_app(sites, database_url)


def test_tables_that_no_revision_made_are_left_alone(database_url: str) -> None:
    engine = new_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE presto_services (id INTEGER)"))
    with pytest.raises(DatabaseError, match=r"tables that no revision of ours has made \(presto_services\)"):
        upgrade(engine, PRESTO)
    assert inspect(engine).get_table_names() == ["presto_services"]
    engine.dispose()


def test_a_revision_that_fails_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text((PRESTO.revisions / "env.py").read_text(encoding="utf-8"), encoding="utf-8")
    code = "from alembic import op\nrevision, down_revision = '0001', None\ndef upgrade():\n"
    code += "    op.execute('CREATE TABLE half (id INTEGER)')\n    op.execute('CREATE TABLE half (id INTEGER)')\n"
    (tmp_path / "versions" / "half.py").write_text(code, encoding="utf-8")
    engine = new_engine(database_url)
    with pytest.raises(Exception, match="already exists"):
        upgrade(engine, Schema("half", PRESTO.metadata, tmp_path))
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_servers_that_start_at_once_do_not_collide(database_url: str) -> None:
    program = "import sys; from presto.persistence.tables import open_engine; open_engine(sys.argv[1], print)"
    command = [sys.executable, "-c", program, database_url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sorted(said)[:3] == ["", "", ""]
    assert "made the presto tables" in "".join(said)
