"""What the documentation shows has the form that it has in reality."""

from __future__ import annotations

import importlib
import pkgutil
import re
from uuid import UUID

import pytest

from lso import commands as verbs

from ...documented import PAGES, ROOT, commands

TEXTS = {
    **{page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES},
    **{
        module.name: importlib.import_module(f"lso.commands.{module.name}").EXAMPLES
        for module in pkgutil.iter_modules(verbs.__path__)
        if not module.ispkg
    },
}


def test_ids_of_labs_have_six_digits() -> None:
    ids = {found for text in TEXTS.values() for found in re.findall(r"\bpoc-two-sites-[0-9a-f]+\b", text)}
    assert ids
    assert [wrong for wrong in ids if not re.fullmatch(r"poc-two-sites-[0-9a-f]{6}", wrong)] == []


def test_answers_name_unis_by_their_ids() -> None:
    """Requests may have the name of a UNI; answers have its UUID."""
    lines = [line for command in commands("docs/presto-api.md") for line in command.shown]
    found = [uuid for line in lines for uuid in re.findall(r'"service-interface-point-uuid":"([^"]*)"', line)]
    assert found
    assert [uuid for uuid in found if str(UUID(uuid)) != uuid] == []


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_it_is_said_where_the_commands_are(page: str) -> None:
    assert "`. .venv/bin/activate`" in TEXTS[page]
