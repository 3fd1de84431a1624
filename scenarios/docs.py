"""The documentation of the verbs, one page each, written from their docstrings and parameters; that of the sabotages.

``python -m scenarios.docs`` writes it and the published schemas; a test keeps all of it current.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from scenarios import schema
from scenarios.prove import schema as sabotage_schema
from scenarios.prove import variables
from scenarios.prove.catalogue import load_catalogue
from scenarios.prove.sabotage import LoadedSabotage
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY

FOLDER = Path(__file__).parent.parent / "docs" / "verbs"
SABOTAGES = FOLDER.parent / "sabotages.md"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    listing = "\n".join(f"- [`{name}`]({name}.md): {_summary(verb)}" for name, verb in sorted(REGISTRY.items()))
    index = f"# The verbs of scenario steps\n\nWritten from the code by `python -m scenarios.docs`.\n\n{listing}\n"
    return {"README.md": index, **{f"{name}.md": _page(name, verb) for name, verb in sorted(REGISTRY.items())}}


def sabotages() -> str:
    """Return the page of the catalogue of sabotages, and of the variables of their scripts."""
    rows = "\n".join(_sabotage_row(one) for one in load_catalogue())
    names = "\n".join(f"| `${name}` | {meaning} |" for name, meaning in variables.NAMES.items())
    return (
        "# The catalogue of sabotages\n\nWritten from `scenarios/sabotage/` by `python -m scenarios.docs`. "
        "What they are for is in [prove.md](prove.md).\n\n"
        f"| sabotage | what is broken | must be noticed by |\n|---|---|---|\n{rows}\n\n"
        f"## Variables of their scripts\n\n| name | value |\n|---|---|\n{names}\n"
        "| `$STEP_…` | a parameter of the step: `$STEP_DESTINATION_PORT` |\n"
    )


def _sabotage_row(one: LoadedSabotage) -> str:
    verbs = ", ".join(f"[`{noticing.verb}`](verbs/{noticing.verb}.md)" for noticing in one.sabotage.must_notice)
    return f"| `{one.id}` | {one.sabotage.broken.strip()} | {verbs} |"


def write() -> None:
    """Write the pages and the published schemas of scenario and sabotage files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    schema.PUBLISHED.write_text(schema.text(), encoding="utf-8")
    sabotage_schema.PUBLISHED.write_text(sabotage_schema.text(), encoding="utf-8")
    SABOTAGES.write_text(sabotages(), encoding="utf-8")


def _summary(verb: type[Verb]) -> str:
    return (inspect.getdoc(verb) or "").split("\n\n")[0].replace("\n", " ").removesuffix(".")


def _page(name: str, verb: type[Verb]) -> str:
    body = (inspect.getdoc(verb) or "").replace("``", "`")
    rows = "\n".join(
        _row(key, entry, verb) for key, entry in verb.model_json_schema(by_alias=True)["properties"].items()
    )
    table = f"| key | type | default | meaning |\n|---|---|---|---|\n{rows}" if rows else "It has none."
    return (
        f"# `{name}`\n\n{body}\n\n## Parameters\n\n{table}\n\n"
        "Each result carries its checks (expected and measured), the evidence files and the command to see it live.\n"
    )


def _row(key: str, entry: dict[str, Any], verb: type[Verb]) -> str:
    required = key in verb.model_json_schema(by_alias=True).get("required", [])
    default = "**required**" if required else _default(entry)
    return f"| `{key}` | {_type(entry)} | {default} | {entry.get('description', '')} |"


def _default(entry: dict[str, Any]) -> str:
    """The default; one that says nothing about the network, such as empty text, is none."""
    default = entry.get("default")
    return "–" if default in (None, "") else f"`{default}`"


def _type(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "anyOf" in entry:
        return " or ".join(_type(choice) for choice in entry["anyOf"] if choice.get("type") != "null")
    bounds = [
        f"{sign} {entry[word]}"
        for word, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if word in entry
    ]
    return " ".join([str(entry.get("type", "object")), *bounds])


if __name__ == "__main__":
    write()
