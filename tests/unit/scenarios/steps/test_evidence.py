"""What verbs make of recorded evidence: each folder below ``evidence/VERB`` was really observed, by tests/e2e."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from reports.model import Verdict
from scenarios.steps.checks import check
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.verbs import REGISTRY

from ....recorded import EXPECTED, told

EVIDENCE = Path(__file__).parents[1] / "evidence"
CASES = sorted(file.parent for file in EVIDENCE.glob(f"*/*/{FILE_NAME}"))
WITH_CAPTURES = [case for case in CASES if case.name.startswith("passed") and any(case.glob("*.pcap"))]
LARGEST = 64 << 10
EFFECTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "shutil.", "os.remove")

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
every_verb = pytest.mark.parametrize("name", sorted(REGISTRY))


def rejudged(folder: Path) -> str:
    judged = judge(*read(folder / FILE_NAME, REGISTRY))
    return told(judged.verdict, judged.message, judged.checks)


@every_case
def test_the_judgement_is_that_of_the_run(case: Path) -> None:
    assert rejudged(case) == (case / EXPECTED).read_text(encoding="utf-8")


@every_case
def test_evidence_survives_json_and_another_folder(case: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(case, tmp_path / "copy")
    verb, observation = read(case / FILE_NAME, REGISTRY)
    (copy / FILE_NAME).write_text(observation.text(), encoding="utf-8")
    assert (copy / FILE_NAME).read_bytes() == (case / FILE_NAME).read_bytes()
    again = read(copy / FILE_NAME, REGISTRY)
    assert again[0] == verb
    assert judge(*again) == judge(verb, observation)


@every_case
def test_judging_has_no_effects_and_reads_the_named_files_only(case: Path) -> None:
    verb, observation = read(case / FILE_NAME, REGISTRY)
    named = set(observation.evidence.files()) if observation.evidence else set()
    judge(verb, observation)  # imports what it needs
    with audited() as events:
        judge(verb, observation)
    opened = {Path(str(arguments[0])) for event, arguments in events if event == "open"}
    assert opened <= named
    assert [event for event, _ in events if event.startswith(EFFECTS)] == []


@pytest.mark.parametrize("case", WITH_CAPTURES, ids=lambda case: f"{case.parent.name}/{case.name}")
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_capture_is_an_error(case: Path, damage: str, tmp_path: Path) -> None:
    copy = shutil.copytree(case, tmp_path / "copy")
    captures = [path for path in copy.glob("*.pcap") if path.stat().st_size > 24]
    for capture in captures:
        capture.unlink() if damage == "gone" else capture.write_bytes(capture.read_bytes()[:-1])
    judged = judge(*read(copy / FILE_NAME, REGISTRY))
    assert judged.verdict is Verdict.ERROR, judged.message
    assert type(judged.error).__name__ == ("FileNotFoundError" if damage == "gone" else "TruncatedCapture")


UNSURE: dict[str, Callable[[Any, Path], None]] = {
    "chain.conserved": lambda evidence, _folder: evidence["sites"][0]["now"]["switch"].update(settled=False),
    "firewall.ages": lambda evidence, _folder: evidence["connections"][0].update(late=True),  # when it was too early
    "ipsec.as_ordered": lambda _evidence, folder: _forget(folder / "histories.json"),
    "management.explained": lambda evidence, _folder: evidence["links"][0].update(whole=False),
    "statistics.exact": lambda evidence, _folder: evidence.update(rested=False),
    "traffic.tcp": lambda evidence, _folder: evidence.update(content=None),
    "traffic.udp": lambda evidence, _folder: evidence.update(datagrams=None),
    "underlay.explained": lambda evidence, _folder: evidence["links"][0].update(whole=False),
}
"""What makes of evidence without a fault one that is not all there is to know."""


@pytest.mark.parametrize("name", UNSURE)
@pytest.mark.parametrize("fault", [False, True])
def test_what_is_not_all_proves_nothing_but_what_is_wrong(name: str, fault: bool, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.parent.name == name and case.name.startswith("passed"))
    file = shutil.copytree(case, tmp_path / "copy") / FILE_NAME
    document = json.loads(file.read_text(encoding="utf-8"))
    UNSURE[name](document["evidence"], file.parent)
    if fault:
        document["fault"] = check("the end", False, expected="all", measured="less").model_dump(mode="json")
    file.write_text(json.dumps(document), encoding="utf-8")
    judged = judge(*read(file, REGISTRY))
    assert judged.verdict is (Verdict.FAILED if fault else Verdict.ERROR)
    assert judged.message


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"silent": "its security associations"},
        {"ike": [], "children": []},
        {"ike": [], "children": [], "complete": True},
    ],
    ids=["{}", "silent", "cut", "nothing stood"],
)
def test_a_gateway_that_tells_no_history_has_not_shown_what_stood(history: dict[str, Any], tmp_path: Path) -> None:
    case = next(case for case in CASES if case.parent.name == "ipsec.as_ordered" and case.name.startswith("passed"))
    copy = shutil.copytree(case, tmp_path / "copy")
    told = json.loads((copy / "histories.json").read_text(encoding="utf-8"))
    (copy / "histories.json").write_text(json.dumps(dict.fromkeys(told, history)), encoding="utf-8")
    assert judge(*read(copy / FILE_NAME, REGISTRY)).verdict is Verdict.FAILED


@pytest.mark.parametrize(("name", "part"), [("firewall.allows", "conversation"), ("firewall.blocks", "attempt")])
def test_a_connection_that_nobody_tried_has_not_been_seen(name: str, part: str, tmp_path: Path) -> None:
    file = shutil.copytree(EVIDENCE / name / "passed", tmp_path / "copy") / FILE_NAME
    document = json.loads(file.read_text(encoding="utf-8"))
    document["evidence"][part] = None
    file.write_text(json.dumps(document), encoding="utf-8")
    failed = [one.name for one in judge(*read(file, REGISTRY)).checks if one.verdict is Verdict.FAILED]
    assert "connection of two sockets" in failed


def _forget(file: Path) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({site: {**history, "complete": False} for site, history in told.items()}), "utf-8")


@every_verb
def test_every_verb_has_cases_that_passed_and_failed(name: str) -> None:
    first_lines = [(case / EXPECTED).read_text(encoding="utf-8").split(":")[0] for case in CASES]
    verdicts = {line for line, case in zip(first_lines, CASES, strict=True) if case.parent.name == name}
    assert verdicts >= {Verdict.PASSED, Verdict.FAILED}


@every_verb
def test_a_verb_judges_what_it_observes(name: str) -> None:
    returned = get_type_hints(REGISTRY[name].observe)["return"]
    assert [returned, *get_args(returned)][-1] is REGISTRY[name].evidence_type()


@every_case
def test_cases_stay_small(case: Path) -> None:
    assert sum(file.stat().st_size for file in case.iterdir()) <= LARGEST


@pytest.mark.parametrize("name", ["../ping.txt", "/etc/passwd", "", ".", ".."])
def test_a_file_elsewhere_is_no_evidence(name: str, tmp_path: Path) -> None:
    document = json.loads(next(EVIDENCE.glob(f"ping/passed/{FILE_NAME}")).read_text(encoding="utf-8"))
    document["evidence"]["output"] = name
    (tmp_path / FILE_NAME).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match="no name of a file beside the evidence"):
        read(tmp_path / FILE_NAME, REGISTRY)


LISTENERS: list[list[tuple[str, tuple[Any, ...]]]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    for heard in LISTENERS:
        heard.append((event, arguments))


sys.addaudithook(_hear)  # cannot be removed: it does nothing while nobody listens


@contextmanager
def audited() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Yield what the interpreter audits in the block: files that are opened, sockets, processes …"""
    heard: list[tuple[str, tuple[Any, ...]]] = []
    LISTENERS.append(heard)
    try:
        yield heard
    finally:
        LISTENERS.remove(heard)
