"""Keep the file of the clients that may ask the Presto API for tokens (`lso serve --auth FILE`).

The secret is made here, shown once and kept as its hash only. The file is YAML, its owner's alone, and written anew:
comments in it are not kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lso.exits import PASSED, UsageError
from presto.auth.edit import add_client, remove_client
from presto.auth.errors import AccessWrong

HELP = "add or remove clients of the Presto API"
EXAMPLES = """examples:
  lso client add clients.yaml portal --role operate
  lso client add clients.yaml acme --role operate --tenant acme --uni site-a-lan0 --uni site-b-lan0
  lso client add clients.yaml audit --scope listServiceOrder --scope serviceFind
  lso client add clients.yaml robot --role admin --public-key robot.pem    it signs assertions, and has no secret
  lso client remove clients.yaml portal"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    add = actions.add_parser("add", help="add a client, or give one that is there other rights and another secret")
    add.add_argument("file", metavar="FILE", type=Path, help="the clients file; made when it is not there")
    add.add_argument("client", metavar="ID", help="the client's id")
    add.add_argument("--role", action="append", default=[], choices=("read", "operate", "admin"), help="what it may do")
    add.add_argument("--scope", metavar="OPERATION", action="append", default=[], help="an operation that it may use")
    add.add_argument("--tenant", metavar="NAME", help="the tenant that it acts for (default: the operator, for all)")
    add.add_argument("--uni", metavar="UNI", action="append", default=[], help="a UNI that is this tenant's alone")
    add.add_argument(
        "--public-key", metavar="PEM", type=Path, help="it proves itself with this key instead of a secret"
    )
    remove = actions.add_parser("remove", help="remove a client; its tokens are refused from the next start on")
    remove.add_argument("file", metavar="FILE", type=Path, help="the clients file")
    remove.add_argument("client", metavar="ID", help="the client's id")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    try:
        if options.action == "remove":
            remove_client(options.file, options.client)
            print(f"client {options.client} is removed from {options.file}")
            return PASSED
        key = options.public_key.read_text(encoding="utf-8") if options.public_key else None
        secret = add_client(options.file, options.client, options.role, options.scope, options.tenant, options.uni, key)
    except AccessWrong as error:
        raise UsageError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{options.public_key or options.file}: {error}") from error
    print(f"client {options.client} stands in {options.file}")
    if secret:
        print(f"client_id: {options.client}\nclient_secret: {secret}    (shown this once)")
    return PASSED
