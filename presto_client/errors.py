"""What can go wrong when a server is asked: one root, and everything that the server said about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `path` is where the server points to in what was sent, as it wrote it.

    It is no `common.findings.Finding`: its code and its place are texts of the API that was asked, of any version.
    """

    code: str
    reason: str
    path: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.reason}{f'. {self.hint}' if self.hint else ''}"


class PrestoError(Exception):
    """Root of everything that this client raises."""


class Unreachable(PrestoError):
    """No answer came: the server cannot be reached, or the connection was lost again and again."""


class BadAnswer(PrestoError):
    """An answer came, and it is none of these APIs'."""


class ErrorAnswer(PrestoError):
    """The server answered with an error: its `status` and its `findings`."""

    def __init__(self, status: int, findings: Iterable[Finding]) -> None:
        self.status, self.findings = status, tuple(findings)
        super().__init__(f"{status}: {'; '.join(map(str, self.findings)) or 'no reason given'}")


class ServerFailed(ErrorAnswer):
    """5xx: the request may be right; the server's log has more."""


class Refused(ErrorAnswer):
    """4xx: nothing was changed."""


class AccessDenied(Refused):
    """401, 403: credentials are missing, wrong, or not for this."""


class NotFound(Refused):
    """404."""


class Conflict(Refused):
    """409, 412: the resource was changed meanwhile, or is in use."""


_CLASSES: dict[int, type[Refused]] = {401: AccessDenied, 403: AccessDenied, 404: NotFound, 409: Conflict, 412: Conflict}


def error_of(answer: httpx.Response) -> ErrorAnswer:
    """The exception for an answer whose status is 4xx or 5xx."""
    findings = list(_findings(answer))
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return ServerFailed(answer.status_code, findings)
    return _CLASSES.get(answer.status_code, Refused)(answer.status_code, findings)


def _findings(answer: httpx.Response) -> Iterable[Finding]:
    try:
        document = answer.json()
    except ValueError:
        return [Finding("", answer.text[:200])] if answer.text else []
    if isinstance(document, dict) and "ietf-restconf:errors" in document:
        return map(_restconf, document["ietf-restconf:errors"].get("error", []))
    if isinstance(document, dict) and "title" in document and "status" in document:
        return _problem(document)
    members = document if isinstance(document, list) else [document]
    return [_published(member) for member in members if isinstance(member, dict)]


def _published(error: dict[str, Any]) -> Finding:
    """An error of MEF 99.1, or of RFC 6749 at the token endpoint."""
    code, reason = error.get("code") or error.get("error"), error.get("reason") or error.get("error_description")
    known = (code, reason or code or "no reason given", error.get("propertyPath"), error.get("message"))
    return Finding(*(str(text or "") for text in known))


def _problem(problem: dict[str, Any]) -> list[Finding]:
    """A problem of RFC 9457, as the extensions have it."""
    code, found = str(problem.get("type", "")).rpartition(":")[2], problem.get("findings") or [{}]
    return [
        Finding(
            code,
            str(finding.get("message") or problem.get("detail") or problem["title"]),
            str(finding.get("pointer", "")),
            str(finding.get("hint", "")),
        )
        for finding in found
    ]


def _restconf(error: dict[str, Any]) -> Finding:
    """An error of RFC 8040 section 7."""
    members = ("error-tag", "error-message", "error-path")
    return Finding(*(str(error.get(member, "")) for member in members))
