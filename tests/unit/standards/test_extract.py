"""The committed extracts have the facts of the published files, nothing of their prose, and come from these files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import standards
from standards.extract import extract, extracts, structure
from standards.sources import SOURCES, Source

ORIGINALS = os.environ.get("LSO_STANDARDS", "")
NAMES = [f"{source.folder}/{name}" for source in SOURCES for name in source.files]


@pytest.mark.skipif(not ORIGINALS, reason="LSO_STANDARDS does not name a folder with the published files")
def test_the_extracts_are_what_is_made_of_the_published_files() -> None:
    """SHA-256 and all. If this fails, run `python -m standards.extract DIR` and look at what changed."""
    made = dict(extracts(Path(ORIGINALS)))
    assert list(made) == NAMES
    for name, text in made.items():
        assert text == (standards.FOLDER / name).read_text(encoding="utf-8"), name


def test_no_extract_is_missing_and_none_is_left_over() -> None:
    found = {str(path.relative_to(standards.FOLDER)) for path in standards.FOLDER.rglob("*.y*ml")}
    assert found == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_extract_says_where_it_comes_from(name: str) -> None:
    head = [line for line in (standards.FOLDER / name).read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert len(head) == 5
    for line, form in zip(
        head[1:],
        (
            r"# source: https://github\.com/\S+, commit [0-9a-f]{7}, \S+",
            r"# version: .+",
            r"# licence: Apache-2\.0.*",
            r"# SHA-256 of the original: [0-9a-f]{64}",
        ),
        strict=True,
    ):
        assert re.fullmatch(form, line)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from texts(name)
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", NAMES)
def test_no_prose_came_along(name: str) -> None:
    """Names of tags have two words; nothing has more."""
    assert [text for text in texts(standards.load(name)) if len(text.split()) > 2] == []


PUBLISHED = """
openapi: 3.0.1
info: {title: An API, description: Of some use, version: 1.2.3}
tags: [{name: Thing, description: All about things}]
paths: # a comment
  /thing:
    description: Where things are
    get:
      summary: List the things
      operationId: listThing
      tags: [Thing]
      parameters:
      - {name: title, in: query, required: false, description: Part of a title, example: a, schema: {type: string}}
      responses:
        "200":
          description: All of them
          headers: {X-Total-Count: {description: How many, schema: {type: integer}}}
          content: {application/json: {example: [], schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}
components:
  schemas:
    Thing:
      title: A thing
      description: Anything
      required: [title]
      example: {title: a}
      properties:
        title: {type: string, description: Its name, maxLength: 9, default: "no title yet"}
        example: {type: string, enum: [b, a], default: a}
        description: {oneOf: [{type: integer, description: a number, minimum: 1}, {$ref: "#/x"}]}
      discriminator: {propertyName: title, mapping: {a: "#/x"}}
      x-of-a-tool: secret
"""
STRUCTURE = """
components:
  schemas:
    Thing:
      discriminator: {mapping: {a: "#/x"}, propertyName: title}
      properties:
        description: {oneOf: [{minimum: 1, type: integer}, {$ref: "#/x"}]}
        example: {default: a, enum: [b, a], type: string}
        title: {maxLength: 9, type: string}
      required: [title]
info: {version: 1.2.3}
openapi: 3.0.1
paths:
  /thing:
    get:
      operationId: listThing
      parameters: [{in: query, name: title, required: false, schema: {type: string}}]
      responses:
        "200":
          content: {application/json: {schema: {items: {$ref: "#/components/schemas/Thing"}, type: array}}}
          headers: {X-Total-Count: {schema: {type: integer}}}
          description: ""
      tags: [Thing]
"""


def test_facts_stay_and_prose_goes() -> None:
    """Members that are called title, description or example are facts; texts of that name are not."""
    found = structure(yaml.safe_load(PUBLISHED), "document")
    wanted = yaml.safe_load(STRUCTURE)
    assert found == wanted
    assert yaml.safe_dump(found, sort_keys=False) == yaml.safe_dump(wanted, sort_keys=False), "in order"


def test_slips_of_authors_stay() -> None:
    """An object where JSON Schema has a list; a type that there is not. A text among the members is no member."""
    schema = {"properties": {"a": {"allOf": {"type": "String", "description": "x y"}}, "description": "of it"}}
    assert structure(schema, "schema") == {"properties": {"a": {"allOf": {"type": "String"}}}}


def test_another_original_is_seen_even_if_its_structure_is_the_same() -> None:
    source = Source("x", "a/b", "0123abc", ".", "Apache-2.0", ("x.yaml",))
    one, other = (extract(source, "x.yaml", text) for text in (b"type: string", b"type: string # really"))
    assert one != other
    assert one.splitlines()[5:] == other.splitlines()[5:]


def test_a_folder_without_the_files_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "standards.extract", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=standards.FOLDER.parent, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith(f"the published file {tmp_path}/")
    assert run.stderr.endswith(".yaml cannot be read: No such file or directory\n")
