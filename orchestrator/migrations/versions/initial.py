"""All tables, as the code has them: until the first release no database outlives a change of a table."""

from __future__ import annotations

from alembic import op

from orchestrator.store import SCHEMA

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    SCHEMA.metadata.create_all(op.get_bind())
