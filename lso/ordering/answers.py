"""How the server's answers become messages and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from lso.exits import BAD_INPUT, ERROR, FAILED, PASSED
from presto_api.mef.results import ServiceOrder
from presto_client import BadAnswer, ErrorAnswer, PrestoError, ServerFailed, Unreachable


def carry_out(verb: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a verb; whatever its server answers is an exit code, with everything that was said on standard error."""
    try:
        return verb(options)
    except ErrorAnswer as error:
        for finding in error.findings:
            print(f"lso: {finding}", file=sys.stderr)
        if not error.findings:
            print(f"lso: the server answered {error.status} without a reason", file=sys.stderr)
        return ERROR if isinstance(error, ServerFailed) else BAD_INPUT
    except (Unreachable, BadAnswer) as error:
        print(f"lso: {error}\n     start one with lso serve, or name it by --url or LSO_URL", file=sys.stderr)
        return ERROR
    except PrestoError as error:
        print(f"lso: {error}", file=sys.stderr)
        return BAD_INPUT


def exit_of(order: ServiceOrder) -> int:
    """The exit code for an order as it stands: only completed ones, and those under way, are well."""
    return FAILED if order.state in {"failed", "partial", "rejected"} else PASSED
