"""Errors as RFC 8040 section 7 asks: an `ietf-restconf:errors` body with everything that is wrong, and a status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.findings import Finding, Path, Tag, told

STATUS = {
    Tag.ACCESS_DENIED: 403,
    Tag.DATA_EXISTS: 409,
    Tag.IN_USE: 409,
    Tag.INVALID_VALUE: 400,
    Tag.MALFORMED_MESSAGE: 400,
    Tag.MISSING_ELEMENT: 400,
    Tag.NOT_FOUND: 404,
    Tag.OPERATION_FAILED: 500,
    Tag.OPERATION_NOT_SUPPORTED: 501,
    Tag.RESOURCE_DENIED: 429,
    Tag.TOO_BIG: 413,
    Tag.UNKNOWN_ELEMENT: 400,
}
_AUGMENTED = {
    "swvc-service-attributes": "mef-sdwan-connectivity",
    "swvc-endpoint-attributes": "mef-sdwan-connectivity",
}
_APPLICATION = frozenset({Tag.DATA_EXISTS, Tag.IN_USE, Tag.INVALID_VALUE, Tag.NOT_FOUND, Tag.OPERATION_FAILED})


def status(findings: Iterable[Finding]) -> int:
    """The status of a list of errors: their common one, or 400 when they differ."""
    statuses = {STATUS[finding.tag] for finding in findings}
    return statuses.pop() if len(statuses) == 1 else 400


def body(findings: Iterable[Finding], module: str = "") -> dict[str, Any]:
    """The body; `module` is the YANG module of the operation, for the paths."""
    return {"ietf-restconf:errors": {"error": [_error(finding, module) for finding in told(findings)]}}


def instance_identifier(path: Path, module: str = "") -> str:
    """A path as RFC 7951 section 6.11 writes it; positions in lists count from 1 (RFC 7950 section 9.13)."""
    text = ""
    for number, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            prefix = module if number == 0 else _AUGMENTED.get(part, "")
            text += f"/{prefix}:{part}" if prefix else f"/{part}"
    return text


def _error(finding: Finding, module: str) -> dict[str, str]:
    error = {
        "error-type": "application" if finding.tag in _APPLICATION else "protocol",
        # RFC 8040 has no tag for "not found": a resource that does not exist is an invalid value with status 404.
        "error-tag": Tag.INVALID_VALUE if finding.tag is Tag.NOT_FOUND else finding.tag,
    }
    if finding.rule:
        error["error-app-tag"] = finding.rule
    if finding.path:
        error["error-path"] = instance_identifier(finding.path, module)
    return {**error, "error-message": finding.text.strip()}
