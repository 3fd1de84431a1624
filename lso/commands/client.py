"""Keep the file of the clients that may ask the Presto API for tokens (`lso serve --auth FILE`).

The secret is made here, shown once and kept as its hash only. The file is YAML, its owner's alone, and written anew:
comments in it are not kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.table import Table

from lso.exits import PASSED, UsageError, reason
from lso.tables import console
from presto.auth.clients import read_clients
from presto.auth.config import Client
from presto.auth.edit import add_client, remove_client
from presto.auth.errors import AccessWrong

HELP = "list, add or remove clients of the Presto API"
EXAMPLES = """examples:
  lso client add clients.yaml portal --role operate
  lso client add clients.yaml acme --role operate --tenant acme --uni site-a-lan0 --uni site-b-lan0
  lso client add clients.yaml audit --scope listServiceOrder --scope serviceFind
  lso client add clients.yaml robot --role admin --public-key robot.pem    it signs assertions, and has no secret
  lso client list clients.yaml
  lso client remove clients.yaml portal"""
LIST = "list the clients and what they may do"
ADD = "add a client, or give one that is there other rights and another secret"
REMOVE = "remove a client; its tokens are refused from the next start on"
ADD_DESCRIPTION = """Add a client, or give one that is there other rights and another secret.

The secret is shown this once. A server that runs takes the file as it was at its start: start it anew."""
REMOVE_DESCRIPTION = """Remove a client; its tokens are refused from the server's next start on.

The last client cannot be removed: nobody could ask for a token."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    listed = _action(actions, "list", LIST, f"{LIST.capitalize()}. Secrets are not in the file, only their hashes.")
    listed.add_argument("--json", action="store_true", help="print as JSON")
    add = _action(actions, "add", ADD, ADD_DESCRIPTION)
    add.add_argument("client", metavar="ID", help="the client's id")
    add.add_argument("--role", action="append", default=[], choices=("read", "operate", "admin"), help="what it may do")
    add.add_argument("--scope", metavar="OPERATION", action="append", default=[], help="an operation that it may use")
    add.add_argument("--tenant", metavar="NAME", help="the tenant that it acts for (default: the operator, for all)")
    add.add_argument("--uni", metavar="UNI", action="append", default=[], help="a UNI that is this tenant's alone")
    add.add_argument(
        "--public-key", metavar="PEM", type=Path, help="it proves itself with this key instead of a secret"
    )
    _action(actions, "remove", REMOVE, REMOVE_DESCRIPTION).add_argument("client", metavar="ID", help="the client's id")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    examples = [line for line in EXAMPLES.splitlines()[1:] if f"lso client {name} " in line]
    parser = actions.add_parser(
        name,
        help=summary,
        description=description,
        epilog="\n".join(["examples:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the clients file")
    return parser


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    try:
        if options.action == "list":
            return _list(options)
        if options.action == "remove":
            remove_client(options.file, options.client)
            print(f"client {options.client} is removed from {options.file}")
            return PASSED
        key = _key(options.public_key) if options.public_key else None
        secret = add_client(options.file, options.client, options.role, options.scope, options.tenant, options.uni, key)
    except AccessWrong as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{options.file}: {reason(error)}") from error
    print(f"client {options.client} stands in {options.file}")
    if secret:
        print(f"client_id: {options.client}\nclient_secret: {secret}    (shown this once)")
    return PASSED


def _key(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {reason(error)}") from error


def _list(options: argparse.Namespace) -> int:
    rows = [_row(client) for client in read_clients(options.file).file.clients]
    if options.json:
        print(json.dumps(rows, indent=2))
        return PASSED
    table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(", ".join(value) if isinstance(value, list) else value or "" for value in row.values()))
    console().print(table, soft_wrap=False)
    return PASSED


def _row(client: Client) -> dict[str, str | list[str] | None]:
    proofs = {"secret": client.secret, "public key": client.public_key, "issuer": client.issuer}
    return {
        "id": client.id,
        "tenant": client.tenant,
        "roles": list(client.roles),
        "scopes": list(client.scopes),
        "proves itself by": [name for name, value in proofs.items() if value],
    }
