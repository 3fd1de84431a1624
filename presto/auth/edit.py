"""Changing the clients file: a whole new file takes the place of the old one, and only when it is right."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.yaml_writer import write_yaml
from presto.auth.clients import read_clients
from presto.auth.errors import ClientsWrong
from presto.auth.secret import hashed, new_secret


def add_client(
    path: Path,
    client: str,
    roles: Iterable[str],
    scopes: Iterable[str],
    tenant: str | None,
    unis: Iterable[str],
    public_key: str | None,
) -> str | None:
    """Add a client, or replace the one of that id; returns its secret when it has one. Raises ClientsWrong."""
    document = _read(path) if path.exists() else {}
    secret = None if public_key else new_secret()
    entry: dict[str, Any] = {"id": client, **({"secret": hashed(secret)} if secret else {"public_key": public_key})}
    entry |= {name: list(values) for name, values in (("roles", roles), ("scopes", scopes)) if values}
    others = [other for other in document.get("clients", []) if other["id"] != client]
    document["clients"] = [*others, {**entry, **({"tenant": tenant} if tenant else {})}]
    _assign(document, tenant, list(unis))
    _write(path, document)
    return secret


def remove_client(path: Path, client: str) -> None:
    """Remove a client. Raises ClientsWrong."""
    document = _read(path)
    kept = [other for other in document["clients"] if other["id"] != client]
    if len(kept) == len(document["clients"]):
        raise ClientsWrong(f'{path}: there is no client "{client}"')
    if not kept:
        raise ClientsWrong(f'{path}: "{client}" is the last client; delete the file instead')
    document["clients"] = kept
    _write(path, document)


def _assign(document: dict[str, Any], tenant: str | None, unis: list[str]) -> None:
    if unis and not tenant:
        raise ClientsWrong("a UNI is assigned to a tenant: give --tenant")
    if tenant:
        tenants = document.setdefault("tenants", {})
        known = tenants.setdefault(tenant, {}).get("unis", [])
        if together := list(dict.fromkeys([*known, *unis])):
            tenants[tenant]["unis"] = together


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_clients(path).document.data
    return found


def _write(path: Path, document: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(write_yaml(document))
        try:
            read_clients(draft)
        except ClientsWrong as error:
            raise ClientsWrong(str(error).replace(str(draft), str(path))) from None
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
