"""Garbage is looked for rarely while the application runs, and as before when it has ended."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from presto.web.app import create_app
from presto.web.garbage import rare_collections

pytestmark = pytest.mark.asyncio


async def test_the_thresholds_are_the_applications_own(new_core: Any) -> None:
    before, app = gc.get_threshold(), create_app(new_core())
    async with app.router.lifespan_context(app):
        assert gc.get_threshold()[0] == 20_000
    assert gc.get_threshold() == before


async def test_applications_that_overlap_leave_the_thresholds_as_they_were() -> None:
    before, first, second = gc.get_threshold(), rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == 20_000
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
