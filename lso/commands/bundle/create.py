"""Make one signed file of a run's folder: scenario, order, templates, plans, state, captures with keys, results.

Without --key it is signed with a key that is made once for you (in $XDG_STATE_HOME/lso-testbed, by default below
~/.local/state). Exit code: 0 made, 2 the folder is not that of a whole run, or the key or the file cannot be used.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lso.exits import PASSED, UsageError
from reports.read import ReportError, latest_run
from reports.text import count_text

HELP = "make a signed file of a run"
EXAMPLES = """examples:
  lso bundle create                              the latest run in runs/
  lso bundle create runs/20260101-120000-poc-two-sites -o poc.zip
  lso bundle create --key key.pem                with a key from: openssl genpkey -algorithm ed25519 -out key.pem"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "folder", metavar="RUN", nargs="?", type=Path, help="a run's folder (default: the latest in runs/)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the bundle (default: RUN.zip)")
    parser.add_argument("--key", metavar="PEM", type=Path, help="the Ed25519 key to sign with (default: your own)")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.bundles.create import create  # noqa: PLC0415  (cryptography costs a tenth of a second)
    from lso.bundles.errors import BundleError  # noqa: PLC0415
    from lso.bundles.keys import own_key, signing_key  # noqa: PLC0415

    try:
        folder = options.folder or latest_run(Path("runs"))
        target = options.output or folder.resolve().with_name(f"{folder.resolve().name}.zip")
        made = create(folder, target, signing_key(options.key) if options.key else own_key())
    except (BundleError, ReportError) as error:
        raise UsageError(str(error)) from error
    print(f"bundle: {options.output or folder.with_name(target.name)}, {count_text(made.files, 'file')}")
    print(f"signed with the key {made.fingerprint}")
    return PASSED
