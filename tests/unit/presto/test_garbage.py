"""Garbage is looked for rarely while the application runs, and as before when it has ended."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from presto.app import create_app

pytestmark = pytest.mark.asyncio


async def test_the_thresholds_are_the_applications_own(new_core: Any) -> None:
    before, app = gc.get_threshold(), create_app(new_core())
    async with app.router.lifespan_context(app):
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before
