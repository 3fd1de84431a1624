"""All tables, as the code has them: until the first release no database outlives a change of a table."""

from __future__ import annotations

from alembic import op

from presto.persistence import edges, event_tables, idempotency, order_tables, paths  # noqa: F401  # have tables
from presto.persistence.tables import Base

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    Base.metadata.create_all(op.get_bind())
