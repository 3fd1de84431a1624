"""The contract: each clause is tried by a check, and stands in the documentation as it stands in the code."""

from __future__ import annotations

import re
from pathlib import Path

from lso.ucpe.checks import CHECKS
from lso.ucpe.contract import CLAUSES, PAGE, clause
from reports.model import Verdict

ROOT = Path(__file__).parents[4]
SOURCES = "\n".join(path.read_text() for path in (ROOT / "lso" / "ucpe").rglob("*.py"))


def test_the_page_has_each_clause_with_its_source_and_reason() -> None:
    page = (ROOT / PAGE).read_text()
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines()]
    shown = [row for row in rows if re.fullmatch(r"[A-Z]\d+", row[0])]
    assert shown == [(one.id, one.requirement, one.source, one.reason) for one in CLAUSES.values()]


def test_the_page_has_each_check_with_its_clauses() -> None:
    page = (ROOT / PAGE).read_text()
    for check in CHECKS:
        assert re.search(rf"^\| `{check.id}` \| .* \| {re.escape(check.place)} \|$", page, re.MULTILINE), check.id


def test_checks_name_clauses_that_there_are_and_leave_out_none() -> None:
    named = [name for check in CHECKS for name in check.place.split(", ")]
    assert set(named) == set(CLAUSES)
    judged = set(re.findall(r'clause\("([A-Z]\d+)"\)', SOURCES)) | set(re.findall(r'"([A-Z]\d+)"[:,}]', SOURCES))
    assert set(CLAUSES) <= judged


def test_checks_have_names_of_their_own() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_a_finding_says_why_and_by_which_standard() -> None:
    found = clause("T3").judged("docker: a client without a certificate", False, "refused", "answered")
    assert found.verdict is Verdict.FAILED
    assert found.message == "else whoever reaches the address is root on the box [T3: RFC 8446, 4.3.2 and 4.4.2.4]"
