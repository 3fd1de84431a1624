"""What is wrong with a request, in the words of the published error types: code, reason and a pointer to the place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from common.findings import Path, pointer

Code422 = Literal[
    "missingProperty",
    "invalidValue",
    "invalidFormat",
    "referenceNotFound",
    "unexpectedProperty",
    "tooManyRecords",
    "otherIssue",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a body: `path` leads to it, `rule` is what it breaks (`W100 R7`).

    It is what `common.findings.Finding` is for the core, with a code of the published error type in place of the tag.
    """

    code: Code422
    path: Path
    text: str
    hint: str = ""
    rule: str = ""

    def body(self) -> dict[str, str]:
        """As `Error422`; the rule stands first in the reason."""
        reason = f"{self.rule}: {self.text}" if self.rule else self.text
        return {
            "code": self.code,
            "reason": _short(reason),
            "propertyPath": pointer(self.path),
            **({"message": self.hint} if self.hint else {}),
        }


def unsupported(path: Path, text: str, hint: str = "Leave it out.") -> Problem:
    """A value that this network does not have."""
    return Problem("invalidValue", path, text, hint, "W100 R4")


class Refused(Exception):
    """The request is answered with 422 and all its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.text for problem in self.problems))


class HttpError(Exception):
    """The request is answered with one error of another status: 400, 404."""

    def __init__(self, status: int, code: str, reason: str, hint: str = "") -> None:
        self.status, self.code, self.reason, self.hint = status, code, reason, hint
        super().__init__(reason)

    def body(self) -> dict[str, str]:
        """As `Error400` and its kin."""
        return {"code": self.code, "reason": _short(self.reason), **({"message": self.hint} if self.hint else {})}


def _short(text: str) -> str:
    return text if len(text) <= 255 else text[:254] + "…"
