"""The server that the verbs talk to: by argument or environment, with credentials from the environment only."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from lso.exits import UsageError, reason
from presto_client import DEFAULT_URL, Client, ClientCredentials, Options, Token


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add what says where the server is, and the form of the output."""
    parser.add_argument("--url", help=f"the server (default: LSO_URL, else {DEFAULT_URL})")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def connect(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Client:
    """Return a client of the server that the options and the environment name.

    Raises UsageError for credentials of no use.
    """
    ca = environment.get("LSO_CA")
    return Client(
        Options(
            url=options.url or environment.get("LSO_URL") or DEFAULT_URL,
            credentials=credentials(environment),
            ca=Path(ca) if ca else None,
        )
    )


def credentials(environment: Mapping[str, str]) -> Token | ClientCredentials | None:
    """Return the credentials of the environment, where there are any.

    Raises UsageError when they contradict each other.
    """
    token, secret = (_secret(environment, name) for name in ("LSO_TOKEN", "LSO_CLIENT_SECRET"))
    client = environment.get("LSO_CLIENT_ID")
    if token and (client or secret):
        raise UsageError("LSO_TOKEN and LSO_CLIENT_ID are both set: keep one of them")
    if bool(client) != bool(secret):
        raise UsageError("LSO_CLIENT_ID needs LSO_CLIENT_SECRET or LSO_CLIENT_SECRET_FILE, and they need it")
    if client and secret:
        return ClientCredentials(client, secret, environment.get("LSO_SCOPE", ""))
    return Token(token) if token else None


def _secret(environment: Mapping[str, str], name: str) -> str:
    """Return a secret that stands in a variable, or in the file that the variable with `_FILE` names."""
    file = environment.get(f"{name}_FILE")
    place = f"{name}_FILE: {file}" if file else name
    try:
        text = Path(file).read_text(encoding="utf-8") if file else environment.get(name, "")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{place} cannot be read: {reason(error)}") from None
    secret = text.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise UsageError(f"{place} has characters that are not printable ASCII: set it anew")
    return secret
