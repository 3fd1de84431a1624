"""The result of proving a scenario's assertions, and what is made of it: JSON, a page, a table on the terminal."""

from reports.prove.model import Assertion, ProveResult, SabotageResult, Status, Trial
from reports.prove.write import write_prove_report

__all__ = ["Assertion", "ProveResult", "SabotageResult", "Status", "Trial", "write_prove_report"]
