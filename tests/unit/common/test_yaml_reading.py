"""One reading of YAML everywhere: scenario files, site templates, orders and clients files give the same literals."""

from __future__ import annotations

import argparse
import ast
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.yaml_reader import FaultReason, read_yaml
from common.yaml_writer import write_yaml
from lso.commands import run, validate
from lso.exits import BAD_INPUT
from lso.ordering.file import BadFile, read_order
from orchestrator.tosca.documents.document import read_document
from orchestrator.tosca.documents.report import Report
from scenarios.file.errors import ScenarioError
from scenarios.file.source import parse
from scenarios.ordering.order import create_input

ROOT = Path(__file__).parents[3]


class Refused(Exception):
    """The reader has findings; their texts."""


def _scenario(content: bytes, _folder: Path) -> Any:
    try:
        source = parse(content, "scenario.yaml")
    except ScenarioError as error:
        raise Refused(str(error)) from error
    if source.faults:
        raise Refused("\n".join(fault.message for fault in source.faults))
    return source.data


def _document(content: bytes, _folder: Path) -> Any:
    report = Report()
    document = read_document("template.yaml", content, report)
    if report.findings or document is None:
        raise Refused("\n".join(map(str, report.findings)))
    return document.data


def _order(content: bytes, folder: Path) -> Any:
    file = folder / "order.yaml"
    file.write_bytes(content)
    try:
        return read_order(str(file)).order
    except BadFile as error:
        raise Refused("\n".join(map(str, error.findings))) from error


READERS: dict[str, Callable[[bytes, Path], Any]] = {
    "scenario": _scenario, "template and clients": _document, "order": _order,
}  # fmt: skip

VALUES: dict[str, object] = {
    "0443": 443, "-0443": -443, "+12": 12, "09": 9, "0o17": 15, "0x1F": 31, "0": 0,
    "1_000": "1_000", "0b101": "0b101", "0b_": "0b_", "0x": "0x", "0o8": "0o8", "0O17": "0O17",
    "22:30": "22:30", "190:20:30": "190:20:30", "02:42:0a:01:00:02": "02:42:0a:01:00:02",
    "2026-02-28": "2026-02-28", "2026-02-30": "2026-02-30", "0000-00-00": "0000-00-00",
    "2026-13-45T25:61:61Z": "2026-13-45T25:61:61Z",
    "yes": "yes", "No": "No", "on": "on", "OFF": "OFF", "y": "y", "n": "n", "=": "=", "tRUE": "tRUE",
    "true": True, "True": True, "FALSE": False, "null": None, "Null": None, "~": None, "": None, "none": "none",
    "1.5": 1.5, "1.": 1.0, ".5": 0.5, "1e3": 1000.0, "1E-2": 0.01, "685_230.15": "685_230.15", "1.2.3": "1.2.3",
    "'0443'": "0443", '"true"': "true", "'~'": "~", "! 0443": "0443",
}  # fmt: skip

REFUSED = {
    "!!int 'x'": "the tag tag:yaml.org,2002:int is not allowed",
    "!!timestamp 2026-02-28": "the tag tag:yaml.org,2002:timestamp is not allowed",
    "!!binary aGk=": "the tag tag:yaml.org,2002:binary is not allowed",
    "!!python/object:os.system x": "is not allowed",
    "!include /etc/passwd": "the tag !include is not allowed",
    ".inf": "is no number that can be used",
    "-.INF": "is no number that can be used",
    ".nan": "is no number that can be used",
    "1e999": "this number is too large",
    "9223372036854775808": "this number is too large",
    "0x8000000000000000": "this number is too large",
    "9" * 5000: "this number is too long",
    "[" * 3000: "nest",
    "[" * 41: "nested deeper than 40 levels",
    "*a": "there is no anchor a",
    "1\nkey: 2": "here a second time",
    "1\n? [1, 2]\n: x": "a key must be plain text",
    "1\n---\nkey: 2": "a second document begins here",
    "\x07": "not allowed in YAML",
    "1\n<<: 1\n\tx: 1": "this is not YAML",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("literal", VALUES)
def test_literal_means_what_the_core_schema_says(literal: str, reader: str, tmp_path: Path) -> None:
    for content in (f"key: {literal}\n", f"key:\n- {literal}\n", f"\ufeffkey: {{inner: {literal}}}\n"):
        read = READERS[reader](content.encode(), tmp_path)["key"]
        value = read[0] if isinstance(read, list) else read["inner"] if isinstance(read, dict) else read
        assert (type(value), value) == (type(VALUES[literal]), VALUES[literal])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("literal", REFUSED, ids=lambda literal: literal[:24])
def test_refused_literal_is_a_finding(literal: str, reader: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=REFUSED[literal]):
        READERS[reader](f"key: {literal}\n".encode(), tmp_path)


@pytest.mark.parametrize("literal", REFUSED, ids=lambda literal: literal[:24])
def test_only_a_key_that_comes_again_has_that_reason(literal: str) -> None:
    reasons = {fault.reason for fault in read_yaml(f"key: {literal}\n".encode()).faults}
    assert reasons == {FaultReason.DUPLICATE_KEY if literal == "1\nkey: 2" else None}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_another_version_of_yaml_is_refused(reader: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"this says that it is YAML 1\.1"):
        READERS[reader](b"%YAML 1.1\n---\nkey: 0443\n", tmp_path)
    assert READERS[reader](b"%YAML 1.2\n---\nkey: 0443\n", tmp_path) == {"key": 443}


@pytest.mark.parametrize("text", [literal for literal in VALUES if literal[:1] not in {"'", '"', "!"}])
def test_text_is_written_so_that_it_stays_text(text: str) -> None:
    assert read_yaml(write_yaml({"key": text}).encode()).data == {"key": text}


@pytest.mark.parametrize("value", [0, 443, -1, 1.5, 1e20, 1e-7, True, None, "", "a: b", "- x", "é\n", [1, {"a": []}]])
def test_values_are_written_so_that_they_stay(value: Any) -> None:
    read = read_yaml(write_yaml({"key": value}).encode()).data["key"]
    assert type(read) is type(value)
    assert read == value or math.isclose(read, value)


WHOLE_FILES = {
    "date that is none": "scenario: x\ntitle: 2026-02-30\n",
    "integer that is none": 'scenario: x\na: !!int "x"\n',
    "binary number that is none": "x: 0b_\n",
    "3,000 brackets": "[" * 3000,
    "template with a date that is none": "tosca_definitions_version: tosca_simple_yaml_1_3\ndescription: 2026-02-30\n",
    "template with a date as metadata": "tosca_definitions_version: x\nmetadata: {released: 0000-00-00}\n",
    "template with a tag": 'tosca_definitions_version: tosca_simple_yaml_1_3\nx: !!int "x"\n',
    "list": "[1, 2]\n",
    "number": "0443\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_no_file_is_an_error_of_the_program(name: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(WHOLE_FILES[name])
    parser = argparse.ArgumentParser()
    run.configure(parser)
    options = parser.parse_args([str(file)])
    assert validate.run(options) == BAD_INPUT
    assert run.run(options) == BAD_INPUT


def test_a_port_with_a_leading_zero_is_ordered_as_it_is_written() -> None:
    from scenarios.file.format import Service

    text = """
name: poc
endpoints: [{site: a}]
applications: [{id: web, criteria: {PROTV4: 6, DPORT: [0443, 8080-8081]}}]
policies: [{id: business, criteria: {ENCRYPTION: Yes}}]
mappings: {web: business}
"""
    service = Service.model_validate(parse(text.encode(), "service.yaml").data)
    application = create_input(service, {"a": "1"})["swvc-service-attributes"]["applications"]["application"][0]
    assert application["criteria"][1] == {"pc-name": "DPORT", "pc-param": ["443", "8080-8081"]}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_json_has_no_such_number(word: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=rf"order\.yaml:2:10: {word} is no value of JSON \(give a number, or null\)"):
        _order(b'{\n  "key": ' + word.encode() + b"\n}", tmp_path)


def test_nothing_else_reads_or_writes_yaml() -> None:
    packages = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "standards"]
    users = {path.resolve() for package in packages for path in package.rglob("*.py") if _imports_yaml(path)}
    assert {path.name for path in users} == {"yaml_reader.py", "yaml_writer.py"}


def _imports_yaml(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.Import) and any(name.name == "yaml" for name in node.names) for node in nodes)
