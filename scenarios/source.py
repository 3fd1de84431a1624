"""Read a scenario's YAML into plain data and remember where everything stands.

Only plain YAML is accepted: no tags that make objects, no duplicate keys, no aliases that could explode.
``yes``, ``no``, ``on`` and ``off`` are words, not booleans (YAML 1.2), because ``ENCRYPTION: Yes`` is a value
of the field's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scenarios.errors import Finding, ScenarioError

MAX_BYTES = 1 << 20
Path_ = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2 booleans."""


_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass
class Source:
    """A parsed file: its data and the line and column (1-based) of each value, by path."""

    file: str
    data: Any
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def finding(self, path: Path_, message: str, hint: str = "") -> Finding:
        """Return a finding at *path*, or at the nearest parent that stands in the file."""
        place = path
        while place and place not in self.marks:
            place = place[:-1]
        line, column = self.marks.get(place, (1, 1))
        return Finding(self.file, line, column, dotted(path), message, hint)


def dotted(path: Path_) -> str:
    """Return *path* in the form ``steps[2].with.between``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path) -> Source:
    """Return the parsed file; raises ``ScenarioError`` with all faults that plain YAML can have."""
    name = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError(
            [Finding(name, 1, 1, "", f"cannot be read: {reason}", "give a scenario file or its folder")]
        ) from error
    if len(content) > MAX_BYTES:
        raise ScenarioError([Finding(name, 1, 1, "", f"larger than {MAX_BYTES} bytes")])
    return parse(content, name)


def parse(content: bytes, name: str) -> Source:
    """Return the parsed *content* of the file called *name*."""
    try:
        loader = _Loader(content)
        root = loader.get_single_node()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError([_syntax(name, error)]) from error
    if root is None:
        raise ScenarioError([Finding(name, 1, 1, "", "the file is empty")])
    source, findings = Source(name, None), list[Finding]()
    source.data = _Builder(loader, source, findings).build(root, ())
    if findings:
        raise ScenarioError(findings)
    return source


def _syntax(name: str, error: Exception) -> Finding:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Finding(name, line, column, "", f"not YAML: {getattr(error, 'problem', None) or error}")


class _Builder:
    """Turns composed nodes into data while it notes marks and faults."""

    def __init__(self, loader: _Loader, source: Source, findings: list[Finding]) -> None:
        self.loader, self.source, self.findings = loader, source, findings
        self.seen: set[int] = set()

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self.source.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if id(node) in self.seen and not isinstance(node, yaml.ScalarNode):
            self.findings.append(self.source.finding(path, "aliases of lists and mappings are not accepted"))
            return None
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _pairs(self, node: yaml.MappingNode, path: Path_) -> Iterator[tuple[str, Any]]:
        keys: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = (*path, key)
            self.source.marks[place] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in keys:
                self.findings.append(self.source.finding(place, f"the key {key!r} stands twice"))
            keys.add(key)
            yield key, self.build(value_node, place)

    def _scalar(self, node: yaml.Node, path: Path_) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            self.findings.append(self.source.finding(path, f"not a plain value: {getattr(error, 'problem', error)}"))
            return None
