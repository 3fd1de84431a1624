"""Findings of the service as problems of the published error types."""

from __future__ import annotations

import re
from collections.abc import Mapping

from common.findings import Finding, Path, Reason, Tag
from presto_api.mef.problems import Code422, Problem

_CODES: dict[Tag | Reason, Code422] = {
    Tag.MISSING_ELEMENT: "missingProperty",
    Tag.UNKNOWN_ELEMENT: "unexpectedProperty",
    Tag.INVALID_VALUE: "invalidValue",
    Tag.NOT_FOUND: "referenceNotFound",
    Reason.UNKNOWN_REFERENCE: "referenceNotFound",
    Reason.NOT_SUPPORTED: "invalidValue",
}


def from_finding(finding: Finding, places: Mapping[Path, Path]) -> Problem:
    """The finding at the place of the order that it came from."""
    code = _CODES.get(finding.reason or finding.tag, "otherIssue")
    rules = [finding.rule] if finding.rule else []
    if not re.search(r"\bR\d", finding.rule):
        if code == "missingProperty":
            rules.insert(0, "W100 R7")
        elif finding.reason is Reason.NOT_SUPPORTED:
            rules.insert(0, "W100 R4")
    return Problem(code, _place(finding.path, places), finding.message, finding.hint, "; ".join(rules))


def _place(path: Path, places: Mapping[Path, Path]) -> Path:
    """The place of the longest known part of a path."""
    for length in range(len(path), -1, -1):
        if path[:length] in places:
            return places[path[:length]]
    return ()
