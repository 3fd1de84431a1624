"""Verify a bundle: its signature, every octet of it, and every verdict, which is judged again from the evidence.

Exit code: 0 all is as it was signed and every verdict follows from the evidence (also one that says failed), 1
something differs, 2 the file is no bundle, or the key is none.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lso.exits import FAILED, PASSED, UsageError
from reports.text import count_text

if TYPE_CHECKING:
    from lso.bundles.verify import Verification

HELP = "verify a bundle, and judge the run again from its evidence"
EXAMPLES = """examples:
  lso bundle verify poc.zip --public-key key.pub.pem
  lso bundle verify poc.zip                      by the key in the bundle, which anybody can have made
  lso bundle verify poc.zip --json | jq '.steps[] | select(.differences != [])'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a bundle")
    parser.add_argument("--public-key", metavar="PEM", type=Path, help="the key that has to have signed it")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.bundles.errors import BundleError  # noqa: PLC0415  (the verbs of steps cost half a second)
    from lso.bundles.keys import public_key  # noqa: PLC0415
    from lso.bundles.verify import verify  # noqa: PLC0415

    try:
        found = verify(options.file, public_key(options.public_key) if options.public_key else None)
    except BundleError as error:
        raise UsageError(str(error)) from error
    print(json.dumps(_document(found), indent=2) if options.json else _text(found))
    return PASSED if found.holds else FAILED


def _document(found: Verification) -> dict[str, Any]:
    return {
        "holds": found.holds,
        "signedBy": found.signed_by,
        "keyChecked": found.known,
        "findings": found.findings,
        "notes": found.notes,
        "run": {"id": found.run.run_id, "verdict": found.run.verdict} if found.run else None,
        "steps": [vars(step) for step in found.steps],
    }


def _text(found: Verification) -> str:
    lines = [f"run {found.run.run_id}: {found.run.verdict}"] if found.run else []
    lines += [f"wrong: {finding}" for finding in found.findings]
    for step in found.steps:
        lines += [f"wrong: {step.id}: {difference}" for difference in step.differences]
    lines += [f"note: {note}" for note in found.notes]
    if found.run:
        judged = [step for step in found.steps if step.judged]
        same = [step for step in judged if not step.differences]
        steps = count_text(len(judged), "step")
        lines.append(f"judged again from the evidence: {steps}, {len(same)} with the same verdict, checks and message")
        lines.append(f"signed by {found.signed_by}, {_trust(found)}")
    lines.append("the bundle holds" if found.holds else "the bundle does not hold")
    return "\n".join(lines)


def _trust(found: Verification) -> str:
    if found.known:
        return "which is the given key"
    return "which was checked against no key: give the one that you trust by --public-key"
