"""The PoC scenario's lab with its service ordered and established, as the benchmarks need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lso.api import api_server
from scenarios.load import load
from scenarios.session import ordered
from scenarios.steps.context import Context

SCENARIO = Path(__file__).parent.parent / "scenarios" / "poc-two-sites"


@contextmanager
def ordered_poc() -> Iterator[Context]:
    """Yield the context of a running PoC whose sites reach each other."""
    with ordered(load(SCENARIO).scenario, api_server) as context:
        yield context
