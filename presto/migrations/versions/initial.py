"""All tables, as `python -m presto.migrations` writes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "presto_dead_letters",
        sa.Column("listener", sa.String(length=36), nullable=False),
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("api", sa.String(length=16), nullable=False),
        sa.Column("callback", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("listener", "sequence"),
    )
    op.create_index(op.f("ix_presto_dead_letters_tenant"), "presto_dead_letters", ["tenant"], unique=False)
    op.create_index(op.f("ix_presto_dead_letters_time"), "presto_dead_letters", ["time"], unique=False)
    op.create_table(
        "presto_edges",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ucpe", sa.JSON(), nullable=False),
        sa.Column("unis", sa.JSON(), nullable=False),
        sa.Column("tls", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "presto_elements",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.Column("identifier", sa.String(length=53), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_presto_elements_page", "presto_elements", ["created", "kind", "id"], unique=False)
    op.create_index(op.f("ix_presto_elements_service"), "presto_elements", ["service"], unique=False)
    op.create_index(op.f("ix_presto_elements_state"), "presto_elements", ["state"], unique=False)
    op.create_index(op.f("ix_presto_elements_tenant"), "presto_elements", ["tenant"], unique=False)
    op.create_table(
        "presto_event_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "presto_events",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("api", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("service", sa.String(length=64), nullable=True),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "presto_external_ids",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("order", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("owner", "digest"),
    )
    op.create_table(
        "presto_idempotency_keys",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key"),
    )
    op.create_index(op.f("ix_presto_idempotency_keys_made"), "presto_idempotency_keys", ["made"], unique=False)
    op.create_table(
        "presto_listeners",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("api", sa.String(length=16), nullable=False),
        sa.Column("callback", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=True),
        sa.Column("cursor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_presto_listeners_cursor"), "presto_listeners", ["cursor"], unique=False)
    op.create_index(op.f("ix_presto_listeners_tenant"), "presto_listeners", ["tenant"], unique=False)
    op.create_table(
        "presto_locked_unis",
        sa.Column("uni", sa.String(length=64), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("uni"),
    )
    op.create_table(
        "presto_orders",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ordered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("replaced", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_presto_orders_ordered"), "presto_orders", ["ordered"], unique=False)
    op.create_index(op.f("ix_presto_orders_service"), "presto_orders", ["service"], unique=False)
    op.create_index(op.f("ix_presto_orders_state"), "presto_orders", ["state"], unique=False)
    op.create_index(op.f("ix_presto_orders_tenant"), "presto_orders", ["tenant"], unique=False)
    op.create_table(
        "presto_path_computations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("near", sa.String(length=64), nullable=False),
        sa.Column("far", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_index(op.f("ix_presto_path_computations_tenant"), "presto_path_computations", ["tenant"], unique=False)
    op.create_table(
        "presto_services",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=53), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("end_points", sa.JSON(), nullable=False),
        sa.Column("tenant", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_index(op.f("ix_presto_services_name"), "presto_services", ["name"], unique=False)
    op.create_index(op.f("ix_presto_services_state"), "presto_services", ["state"], unique=False)
    op.create_index(op.f("ix_presto_services_tenant"), "presto_services", ["tenant"], unique=False)
    op.create_table(
        "presto_signing_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("private", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "presto_swvcs",
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("service", "generation"),
    )
    op.create_table(
        "presto_claims",
        sa.Column("uni", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["service"], ["presto_services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("uni"),
    )
    op.create_index(op.f("ix_presto_claims_service"), "presto_claims", ["service"], unique=False)
    op.create_table(
        "presto_credentials",
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["service"], ["presto_services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service"),
    )
    op.create_table(
        "presto_deployed",
        sa.Column("service", sa.String(length=36), nullable=False),
        sa.Column("change", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service"], ["presto_services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service", "change"),
    )
    op.create_table(
        "presto_element_orders",
        sa.Column("element", sa.String(length=64), nullable=False),
        sa.Column("order", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("said", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["presto_orders.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("element", "order", "number"),
    )
    op.create_table(
        "presto_order_items",
        sa.Column("order", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("end_point", sa.String(length=53), nullable=True),
        sa.Column("element", sa.String(length=64), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["presto_orders.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("order", "number"),
    )
    op.create_table(
        "presto_paths",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("computation", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("underlay", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["computation"], ["presto_path_computations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_presto_paths_computation"), "presto_paths", ["computation"], unique=False)
