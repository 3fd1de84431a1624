"""What the API asks of a uCPE that is enrolled (POST /edge): the same questions, judged by the same function."""

from __future__ import annotations

from common.findings import Fault, Finding
from lso.ucpe.box import Box
from lso.ucpe.contract import clause
from orchestrator.ucpe.health import EndpointHealth, ucpe_health
from presto.domain.check_edges import Enrolment, check_health
from reports.model import Check

DEADLINE = 10.0
"""Seconds for all three. It is longer than the API gives them: here a person waits, and no order."""
_CLAUSES = {"docker": "D1", "ovsdb": "O1", "openflow": "F1", "tls": "T1", "wan": "O5", "unis": "O5"}


async def run(box: Box) -> list[Check]:
    """Judge whether it could be enrolled with its ports."""
    wanted = Enrolment(box.ucpe, tuple(box.unis))
    health = await ucpe_health(box.ucpe, DEADLINE)
    problems = list(check_health(wanted, health))
    bad = {problem.path[0] for problem in problems}
    answered = [endpoint for endpoint in health.endpoints if endpoint.protocol not in bad]
    return [*map(_answered, answered), *map(_wrong, problems)]


def _answered(endpoint: EndpointHealth) -> Check:
    measured = f"{endpoint.version} in {endpoint.seconds:.3f} s"
    return clause(_CLAUSES[endpoint.protocol]).judged(endpoint.protocol, True, "as it is enrolled", measured)


def _wrong(problem: Finding) -> Check:
    name, measured = ".".join(map(str, problem.path)), str(Fault((), problem.message, problem.hint))
    return clause(_CLAUSES[str(problem.path[0])]).judged(name, False, "as it is enrolled", measured)
