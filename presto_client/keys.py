"""`Idempotency-Key`: under one a request may be sent again, and is carried out once."""

from __future__ import annotations

from uuid import uuid4

from presto_client.errors import PrestoError

HEADER = "Idempotency-Key"


def checked(key: str) -> str:
    """The key, where a header can carry it; the server bounds its length. Raises PrestoError."""
    if not (key and key.isascii() and key.isprintable()):
        raise PrestoError(f"the {HEADER} is not 1 to 255 printable ASCII characters")
    return key


def named(key: str | None = None) -> dict[str, str]:
    """The header with that key, or with a new one. Raises PrestoError."""
    return {HEADER: str(uuid4()) if key is None else checked(key)}
