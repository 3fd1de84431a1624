"""`python -m presto.migrations` writes the initial revisions anew, of the API's tables and of the orchestrator's.

Until the first release every database is a developer's, so one revision is enough; after it, a change of a table is a
revision of its own.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

import presto
from common.database import Schema
from orchestrator.store import SCHEMA as ORCHESTRATOR
from presto.persistence.tables import SCHEMA as PRESTO

HEAD = '''"""All tables, as `python -m presto.migrations` writes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
'''


def initial(schema: Schema) -> str:
    """The revision that makes the tables of a schema in an empty database."""
    with create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": schema.metadata})
        operations = produce_migrations(context, schema.metadata).upgrade_ops
    if operations is None:
        raise LookupError("there are no tables")
    lines = render_python_code(operations).splitlines()
    return HEAD + "\n".join(f"    {line.strip()}" for line in lines if not line.strip().startswith("#")) + "\n"


def import_tables() -> None:
    """Import every module of the API: a table may be in any."""
    for module in pkgutil.walk_packages(presto.__path__, "presto."):
        if not module.name.startswith("presto.migrations."):
            importlib.import_module(module.name)


if __name__ == "__main__":
    import_tables()
    for schema in (PRESTO, ORCHESTRATOR):
        target = schema.revisions / "versions" / "initial.py"
        target.write_text(initial(schema), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(target)], check=True)
