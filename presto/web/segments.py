"""Names with a slash in them as one part of a path.

Identifiers of MEF 70 are of any printable characters, so a client writes `/` as `%2F`. The web framework looks at the
decoded path, where that cannot be told from a slash that ends a part: until a part was found, another character stands
for it, which is in no identifier.
"""

from __future__ import annotations

from urllib.parse import unquote

from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "\ue000"


def written(part: str) -> str:
    """A part of a path with the slashes that its client wrote."""
    return part.replace(_SLASH, "/")


Written = AfterValidator(written)
"""Makes a parameter of a path what its client wrote."""


class WholeSegments:
    """Gives all that follows the paths below a base in parts as they were sent."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app, self._base = app, f"{base}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and scope["path"].startswith(self._base) and b"%2f" in raw.lower():
            parts = (unquote(part).replace("/", _SLASH) for part in raw.decode("latin-1").split("/"))
            scope = {**scope, "path": "/".join(parts)}
        await self._app(scope, receive, send)
