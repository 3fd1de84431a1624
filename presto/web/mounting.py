"""Applications under a path of the one server."""

from __future__ import annotations

import re

from starlette.routing import Mount
from starlette.types import ASGIApp


def mount(path: str, app: ASGIApp) -> Mount:
    """The framework's own expression ends at a line break, which an id may have: the answer must be that API's."""
    mounted = Mount(path, app=app)
    mounted.path_regex = re.compile(mounted.path_regex.pattern, re.DOTALL)
    return mounted
