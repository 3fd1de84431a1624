"""All tables, as `python -m presto.migrations` writes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "services",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "deployments",
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("ucpe", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("attempt", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service_id", "ucpe"),
    )
    op.create_index(op.f("ix_deployments_ucpe"), "deployments", ["ucpe"], unique=False)
    op.create_table(
        "placeholders",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("ucpe", sa.String(), nullable=False),
        sa.Column("vnf", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("service_id", "ucpe", "vnf", "role"),
    )
