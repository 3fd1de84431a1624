"""Run by Alembic: hands over to `common.database`."""

from __future__ import annotations

from common.database import run_revisions

run_revisions()
