"""Run by Alembic: hands over to `orchestrator.database`."""

from __future__ import annotations

from orchestrator.database import run_revisions

run_revisions()
