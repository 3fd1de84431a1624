"""JUnit XML of a run, in the dialect that Jenkins, GitLab and GitHub actions read.

One test case per step. `<failure>` says that the network under test is wrong, `<error>` that the test-bed is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from xml.etree import ElementTree as ET

from reports.model import Check, RunResult, StepResult, Verdict
from reports.text import duration_text, printable

_OUTCOME_TAG = {Verdict.FAILED: "failure", Verdict.ERROR: "error", Verdict.SKIPPED: "skipped"}


def junit_xml(result: RunResult) -> str:
    """The whole document: `testsuites` with the run as its one `testsuite`, ready to write as UTF-8."""
    suite = ET.Element("testsuite", _suite_attributes(result))
    suite.append(_properties(result))
    suite.extend(_step_case(result, step) for step in result.steps)
    if _has_own_error(result):
        suite.append(_run_case(result))
    totals = {key: suite.attrib[key] for key in ("tests", "failures", "errors", "time")}  # Jenkins' schema: no more
    root = ET.Element("testsuites", {"name": "lso", **totals})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _has_own_error(result: RunResult) -> bool:
    """Whether the test-bed broke outside every step; a consumer that counts errors must see that too."""
    return result.verdict is Verdict.ERROR and all(step.verdict is not Verdict.ERROR for step in result.steps)


def _suite_attributes(result: RunResult) -> dict[str, str]:
    verdicts = [step.verdict for step in result.steps] + [Verdict.ERROR] * _has_own_error(result)
    return {
        "name": printable(result.scenario.id),
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count(Verdict.FAILED)),
        "errors": str(verdicts.count(Verdict.ERROR)),
        "skipped": str(verdicts.count(Verdict.SKIPPED)),
        "time": f"{result.duration_seconds:.3f}",
        "timestamp": result.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": printable(result.machine.get("hostname", "localhost")),
    }


def _properties(result: RunResult) -> ET.Element:
    element = ET.Element("properties")
    for name, value in _property_pairs(result):
        ET.SubElement(element, "property", {"name": printable(name), "value": printable(value)})
    return element


def _property_pairs(result: RunResult) -> Iterator[tuple[str, str]]:
    yield "run_id", result.run_id
    yield "scenario.title", result.scenario.title
    yield "scenario.path", result.scenario.path
    yield "scenario.sha256", result.scenario.sha256
    yield "command", result.command
    for engine in result.engines:
        yield f"engine.{engine.capability}", engine.chosen
        yield f"engine.{engine.capability}.best", engine.best
        if engine.reason:
            yield f"engine.{engine.capability}.reason", engine.reason
    for timing in result.timings:
        yield f"timing.{timing.name}", f"{timing.seconds:.3f} s"
    yield from ((f"version.{name}", value) for name, value in result.versions.items())
    yield from ((f"image.{name}", value) for name, value in result.images.items())
    yield from ((f"machine.{name}", value) for name, value in result.machine.items())


def _step_case(result: RunResult, step: StepResult) -> ET.Element:
    attributes = {
        "classname": printable(f"{result.scenario.id}.{step.verb}"),
        "name": printable(f"{step.id}: {step.title}" if step.title else step.id),
        "time": f"{step.duration_seconds:.3f}",
    }
    case = ET.Element("testcase", attributes)
    _add_outcome(case, step.verdict, step.message, step.verb, "\n".join(_details(step)))
    output = "\n".join(_output(step, live=result.lab_kept))
    if output:
        ET.SubElement(case, "system-out").text = printable(output)
    return case


def _run_case(result: RunResult) -> ET.Element:
    case = ET.Element("testcase", {"classname": printable(result.scenario.id), "name": "test-bed", "time": "0.000"})
    message = result.error or "the test-bed had an error outside every step"
    _add_outcome(case, Verdict.ERROR, message, "test-bed", message)
    return case


def _add_outcome(case: ET.Element, verdict: Verdict, message: str, kind: str, details: str) -> None:
    tag = _OUTCOME_TAG.get(verdict)
    if tag is None:
        return
    outcome = ET.SubElement(case, tag, {"message": printable(message or str(verdict))})
    if verdict is not Verdict.SKIPPED:
        outcome.set("type", printable(kind))
        outcome.text = printable(details)


def _details(step: StepResult) -> Iterator[str]:
    """What a person reads first in a CI system: the sentence, the bad checks, what to do, what it rests on."""
    yield step.message or str(step.verdict)
    yield from (_check_line(check) for check in step.checks if check.verdict.is_bad)
    if step.hint:
        yield f"hint: {step.hint}"
    if step.reference:
        yield f"reference: {step.reference}"


def _check_line(check: Check) -> str:
    line = f"{check.verdict}: {check.name}"
    if check.expected or check.measured:
        line += f" (expected {check.expected or '-'}, measured {check.measured or '-'})"
    return f"{line}: {check.message}" if check.message else line


def _output(step: StepResult, *, live: bool) -> Iterator[str]:
    yield from (_check_line(check) for check in step.checks)
    for wait in step.waits:
        needed, allowed = duration_text(wait.needed_seconds), duration_text(wait.deadline_seconds)
        yield f"waited for {wait.what}: {needed} of {allowed}"
    yield from (f"engine {capability}: {engine}" for capability, engine in step.engines.items())
    yield from (f"evidence/{evidence.path}: {evidence.title}" for evidence in step.evidence)
    if step.live_command and live:
        yield f"see it live: {step.live_command}"
