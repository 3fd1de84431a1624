"""Orders as files: JSON or YAML, with the place of every value, so that findings of the server can point into them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from common.findings import FileFinding
from common.json_text import whole_number
from common.yaml_reader import Document, FaultReason, read_yaml
from orchestrator.tosca.documents.document import read_document
from orchestrator.tosca.documents.report import Place, Report
from presto_client import Finding as ServerFinding


class BadFile(Exception):
    """A file that holds no order; `findings` says why."""

    def __init__(self, findings: Iterable[FileFinding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(map(str, self.findings)))


@dataclass(frozen=True)
class OrderFile:
    """An order and where its values stand in the file."""

    document: Document

    @property
    def order(self) -> dict[str, Any]:
        """The order, as it is sent."""
        found: dict[str, Any] = self.document.data
        return found

    def findings(self, findings: Iterable[ServerFinding]) -> tuple[FileFinding, ...]:
        """What the server finds, at the lines and columns it is about; what is missing, at what surrounds it."""
        report = Report()
        for finding in findings:
            report.add(Place(self.document, self._path(finding.path)), finding.reason, finding.hint)
        return report.findings

    def _path(self, pointer: str) -> tuple[str | int, ...]:
        """The path of a JSON pointer (RFC 6901): a number is an index only where the file has a list."""
        path: list[str | int] = []
        value: Any = self.order
        for text in pointer.split("/")[1:]:
            part: str | int = text.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and text.isascii() and text.isdigit():
                part = int(text)
                value = value[part] if part < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
            path.append(part)
        return tuple(path)


def read_order(path: str) -> OrderFile:
    """Read an order from a file, or from standard input as `-`. Raises BadFile with everything that is wrong."""
    name = "<stdin>" if path == "-" else path
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise BadFile([FileFinding(name, None, None, "", f"cannot be read: {error.strerror}")]) from None
    document = _json(name, content) if content.lstrip()[:1] == b"{" else _yaml(name, content)
    if not isinstance(document.data, dict):
        raise BadFile([FileFinding(name, 1, 1, "", "an order is a map", "lso order example shows one")])
    return OrderFile(document)


def _yaml(name: str, content: bytes) -> Document:
    report = Report()
    document = read_document(name, content, report)
    if document is None or report.findings:
        raise BadFile(report.findings)
    return document


def _json(name: str, content: bytes) -> Document:
    """JSON is taken as JSON says; the places are those that YAML, which is nearly the same, gives for it."""

    def refuse_at(word: str, reason: str, hint: str) -> NoReturn:
        before = content[: content.index(word.encode())]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise BadFile([FileFinding(name, line, column, "", reason, hint)])

    def refuse(word: str) -> NoReturn:
        refuse_at(word, f"{word} is no value of JSON", "give a number, or null")

    def whole(text: str) -> int:
        try:
            return whole_number(text)
        except ValueError as error:
            refuse_at(text, str(error), "text that looks like a number stands in quotes")

    try:
        data = json.loads(content, parse_constant=refuse, parse_int=whole)
    except UnicodeDecodeError:
        raise BadFile([FileFinding(name, 1, 1, "", "this is not UTF-8 text")]) from None
    except RecursionError:
        raise BadFile([FileFinding(name, 1, 1, "", "values are nested too deep")]) from None
    except json.JSONDecodeError as error:
        if _is_yaml(name, content):
            return _yaml(name, content)
        raise BadFile([FileFinding(name, error.lineno, error.colno, "", f"this is not JSON: {error.msg}")]) from None
    parsed = read_yaml(content.replace(b"\t", b" "), name=name)
    if any(fault.reason is FaultReason.DUPLICATE_KEY for fault in parsed.faults):
        raise BadFile(parsed.findings)
    return Document(name, data, parsed.marks if parsed.complete else {})


def _is_yaml(name: str, content: bytes) -> bool:
    return not name.endswith(".json") and read_document(name, content, Report()) is not None
