"""What a document says of a server with authentication: OAuth 2.0 client credentials, a scope for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

SCHEME = "oauth2MEFLSOAPI"  # as in the published security variants
TOKEN_URL = "/oauth2/token"  # noqa: S105  (an address)
Document = dict[str, Any]
Secure = Callable[[Document, frozenset[str]], Document]
_METHODS = ("get", "put", "post", "delete", "patch")


def as_it_is(document: Document, _public: frozenset[str]) -> Document:
    """The document of a server with authentication off."""
    return document


def secured(document: Document, public: frozenset[str]) -> Document:
    """The document with its security scheme, and for each operation the scope that it needs: its `operationId`.

    `public` are the paths that nobody needs a token for.
    """
    paths: dict[str, Any] = {
        path: {name: _operation(name, part, path in public) for name, part in entry.items()}
        for path, entry in document["paths"].items()
    }
    scopes = {
        operation["operationId"]: operation.get("summary", "")
        for path, operation in _operations(paths)
        if path not in public
    }
    flow = {"tokenUrl": TOKEN_URL, "scopes": scopes}
    scheme = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    components = {**document.get("components", {}), "securitySchemes": {SCHEME: scheme}}
    return {**document, "paths": paths, "components": components}


def _operation(method: str, part: Any, public: bool) -> Any:
    if method not in _METHODS:
        return part
    return {**part, "security": [] if public else [{SCHEME: [part["operationId"]]}]}


def _operations(paths: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, entry in paths.items():
        for method, operation in entry.items():
            if method in _METHODS:
                yield path, operation
