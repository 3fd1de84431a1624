"""Serve the Presto API for the uCPEs of an inventory, until Ctrl-C.

Without --auth authentication is off, and the server binds to loopback addresses only. With it every request needs
an access token; `lso client add` writes the clients file, docs/presto-security.md has the rest. State is kept in a
database, so orders that were accepted before a crash are carried on at the next start.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import get_args

from lso.exits import PASSED, UsageError, reason, tell_the_end
from lso.labs import attach
from orchestrator.model import OrchestratorError
from presto.auth.access import Access, Tls
from presto.auth.errors import AccessWrong
from presto.auth.limits import Limits
from presto.domain.settings import Settings
from presto.notify.settings import NotifySettings
from presto.web.server import DEFAULT_HOST, DEFAULT_PORT, DEVELOPMENT, serve
from presto_api.mef.notifications import Base

MAX_PORT = 65535
MAX_HOURS = 24 * 366
MAX_REQUESTS = 1_000_000

_LONGEST_NAME = 253
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE | re.ASCII)

HELP = "serve the Presto API for a lab or an inventory"
EXAMPLES = """examples:
  lso up scenarios/poc-two-sites && lso serve --lab poc-two-sites-123456
  lso serve --inventory /etc/lso/inventory.json --database /var/lib/lso/presto.db
  lso serve --inventory /etc/lso/inventory.json --database postgresql+psycopg://lso@/lso?host=/run/postgresql
  lso serve --inventory /etc/lso/inventory.json --database-from /etc/lso/database-url
  curl -s -X POST localhost:8181/restconf/operations/get-service-interface-point-list/

  lso client add clients.yaml portal --role operate
  lso serve --lab poc-two-sites-123456 --auth clients.yaml
  lso serve --lab poc-two-sites-123456 --auth clients.yaml --host 192.0.2.10 --host-name lso.example \\
      --tls-certificate lso.example.pem --tls-key lso.example.key"""


_QUOTAS = {
    "listeners": "subscriptions of one tenant",
    "client_streams": "event streams of one client",
    "tenant_streams": "event streams of one tenant",
}
"""What `NotifySettings` bounds, and how many of it the operator allows."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--lab", metavar="ID", help="serve the uCPEs of a lab that is up")
    where.add_argument("--inventory", metavar="FILE", type=Path, help="serve the uCPEs of an inventory file")
    database = parser.add_mutually_exclusive_group()
    database.add_argument(
        "--database",
        metavar="URL",
        help="SQLite file or SQLAlchemy URL (default: that in LSO_DATABASE, else presto.db beside the inventory)",
    )
    database.add_argument(
        "--database-from", metavar="FILE", type=Path, help="a file with the URL alone, where it has a password"
    )
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to bind to (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port, 0 for any (default: %(default)s)")
    parser.add_argument("--template", default=Settings.template, help="site template (default: %(default)s)")
    parser.add_argument(
        "--product",
        metavar="UCPE:KIND=NAME",
        action="append",
        default=[],
        help="the product that serves a kind of VNF on a uCPE, in place of the template's; may be repeated",
    )
    parser.add_argument(
        "--ike-authentication",
        choices=("certificate", "psk"),
        default=Settings.authentication,
        help="how gateways prove who they are",
    )
    parser.add_argument(
        "--unique-external-ids",
        action="store_true",
        help="an order with the externalId of an earlier one is that one, and not another",
    )
    parser.add_argument(
        "--keep-answers",
        metavar="HOURS",
        type=_hours,
        default=Settings.answers_kept,
        help="how long a request is known by its Idempotency-Key (default: 24)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="the RESTCONF face exactly as published, without our additions"
    )
    parser.add_argument(
        "--export-keys", action="store_true", help="let gateways hand out SA keys, for laboratories only"
    )
    parser.add_argument(
        "--callback-allow",
        metavar="NETWORK",
        type=_network,
        action="append",
        default=[],
        help="a private network that notifications may be sent to; may be repeated",
    )
    parser.add_argument(
        "--notification-base",
        choices=get_args(Base),
        default=NotifySettings.base,
        help="base path between a callback and /listener (default: %(default)s)",
    )
    for name, what in _QUOTAS.items():
        default = getattr(NotifySettings, name)
        option, text = f"--{name.replace('_', '-')}", f"{what} at most (default: %(default)s)"
        parser.add_argument(option, metavar="NUMBER", type=_positive, default=default, help=text)
    _configure_access(parser.add_argument_group("who may ask, and from where"))


def _configure_access(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--auth", metavar="FILE", type=Path, help="ask for access tokens of the clients in this file")
    group.add_argument("--tls-certificate", metavar="PEM", type=Path, help="serve HTTPS with this certificate chain")
    group.add_argument("--tls-key", metavar="PEM", type=Path, help="the certificate's key, without a passphrase")
    group.add_argument(
        "--tls-client-ca", metavar="PEM", type=Path, help="also ask clients for certificates of this CA (mutual TLS)"
    )
    group.add_argument(
        "--plain-http", action="store_true", help="allow other addresses than loopback without TLS, behind a proxy"
    )
    group.add_argument(
        "--host-name",
        metavar="NAME",
        type=_host_name,
        action="append",
        default=[],
        help="a name that clients use for this server",
    )
    group.add_argument(
        "--trusted-proxy",
        metavar="NETWORK",
        type=_network,
        action="append",
        default=[],
        help="believe X-Forwarded-For and -Proto of proxies in this network; may be repeated",
    )
    group.add_argument(
        "--failures",
        metavar="N",
        type=float,
        default=Limits.failures_a_minute,
        help="failures a minute of a client at an address before it has to wait; 0: any (default: %(default)g)",
    )
    group.add_argument(
        "--rate",
        metavar="N",
        type=float,
        default=Limits.rate,
        help="requests a second of one client, twice as many at once; 0: any (default: %(default)g)",
    )


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text[:20]} is no port from 0 to {MAX_PORT}")
    return port


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 999999999")
    return int(text)


def _products(given: Sequence[str]) -> dict[str, dict[str, str]]:
    """The names of products by uCPE and kind of VNF. Raises UsageError with all that is wrong with their form."""
    products: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    for text in given:
        where, _, name = text.partition("=")
        ucpe, _, kind = where.rpartition(":")
        if not (ucpe and kind and name):
            faults.append(f"--product {text[:60]!r} is not as in site-a:firewall=NAME")
        elif kind in products.setdefault(ucpe, {}):
            faults.append(f"--product {ucpe}:{kind} is given twice")
        else:
            products[ucpe][kind] = name
    if faults:
        raise UsageError("\n".join(faults))
    return products


def _hours(text: str) -> timedelta:
    try:
        hours = float(text)
    except ValueError:
        hours = 0
    if not 0 < hours <= MAX_HOURS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_HOURS} hours")
    return timedelta(hours=hours)


def _host_name(text: str) -> str:
    """As a Host header has it (RFC 9110 section 7.2), without a port."""
    try:
        if text[:1] + text[-1:] == "[]" and IPv6Address(text[1:-1]):
            return text
    except ValueError:
        pass
    if len(text) > _LONGEST_NAME or not _HOST_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is no host name, such as lso.example")
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no network, such as 192.0.2.0/24") from None


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    inventory = attach(options.lab).inventory if options.lab else options.inventory
    database = _database(options) or str(inventory.with_name("presto.db"))
    settings = Settings(
        options.template,
        options.ike_authentication,
        options.export_keys,
        options.strict,
        options.unique_external_ids,
        options.keep_answers,
        _products(options.product),
    )
    development, allowed = options.auth is None, tuple(options.callback_allow)
    quotas = {name: getattr(options, name) for name in _QUOTAS}
    base = options.notification_base
    notifications = replace(DEVELOPMENT, development=development, allowed=allowed, base=base, **quotas)
    try:
        serve(
            inventory,
            database,
            options.host,
            options.port,
            settings,
            lambda url: print(f"serving {url}\ntry the APIs out at {url}/docs", flush=True),
            lambda text: print(f"lso: {text}", file=sys.stderr),
            notifications,
            _access(options),
        )
    except (OrchestratorError, AccessWrong) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{options.host}:{options.port} cannot be bound: {error.strerror}") from error
    tell_the_end("stopped")
    return PASSED


def _database(options: argparse.Namespace) -> str | None:
    """The URL that is given, by the way that it is. Raises UsageError."""
    if options.database:
        if re.search(r"://[^/@]*:[^/@]+@|[?&]password=", options.database):
            hint = "write it to a file for --database-from, or to LSO_DATABASE"
            print(f"lso: the password in --database can be seen by everybody on this machine: {hint}", file=sys.stderr)
        return str(options.database)
    if options.database_from is None:
        return os.environ.get("LSO_DATABASE")
    try:
        found = options.database_from.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{options.database_from}: {reason(error)}") from None
    if len(found) != 1:
        raise UsageError(f"{options.database_from}: write one URL, such as postgresql+psycopg://lso:SECRET@db/lso")
    return str(found[0])


def _access(options: argparse.Namespace) -> Access:
    """What the options say. Raises UsageError when they do not fit together."""
    certificate, key, client_ca = options.tls_certificate, options.tls_key, options.tls_client_ca
    if bool(certificate) != bool(key) or (client_ca and not certificate):
        raise UsageError("TLS needs --tls-certificate and --tls-key")
    if not 0 <= options.rate <= MAX_REQUESTS:
        raise UsageError(f"--rate is 0 to {MAX_REQUESTS}")
    if not 0 <= options.failures <= MAX_REQUESTS:
        raise UsageError(f"--failures is 0 to {MAX_REQUESTS}")
    tls = Tls(certificate, key, client_ca) if certificate else None
    limits = Limits(options.rate, max(1, int(2 * options.rate)), options.failures)
    proxies, names = tuple(options.trusted_proxy), tuple(options.host_name)
    return Access(options.auth, tls, options.plain_http, names, limits, proxies)
