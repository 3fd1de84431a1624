"""Plain data as YAML that is read back the same, by our reading and by programs that still follow YAML 1.1."""

from __future__ import annotations

import re
from typing import Any

import yaml

from common.yaml_reader import FLOAT, INTEGER, NO_NUMBER


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern.pattern})$")


_BASE: Any = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper


class _Dumper(_BASE):  # type: ignore[misc]  # whichever is there
    """Puts in quotes what either version of YAML would not take for text: `0o17` and `1e3` are texts in 1.1 only.

    What stands twice is written twice: aliases are hard to edit.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern in (("int", INTEGER), ("float", FLOAT), ("float", NO_NUMBER)):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _whole(_pattern), list("-+.0123456789"))


def write_yaml(data: Any) -> str:
    """Return *data* as YAML; keys keep their order, collections are written in blocks."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, default_flow_style=False)
    return text
