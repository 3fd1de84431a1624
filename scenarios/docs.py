"""The documentation of the verbs, one page each, written from their docstrings and parameters.

``python -m scenarios.docs`` writes ``docs/verbs/*.md`` and the published schema; a test keeps both current.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from scenarios import schema
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY

FOLDER = Path(__file__).parent.parent / "docs" / "verbs"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    listing = "\n".join(f"- [`{name}`]({name}.md): {_summary(verb)}" for name, verb in sorted(REGISTRY.items()))
    index = f"# The verbs of scenario steps\n\nWritten from the code by `python -m scenarios.docs`.\n\n{listing}\n"
    return {"README.md": index, **{f"{name}.md": _page(name, verb) for name, verb in sorted(REGISTRY.items())}}


def write() -> None:
    """Write the pages and the published schema of scenario files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    schema.PUBLISHED.write_text(schema.text(), encoding="utf-8")


def _summary(verb: type[Verb]) -> str:
    return (inspect.getdoc(verb) or "").split("\n\n")[0].replace("\n", " ").removesuffix(".")


def _page(name: str, verb: type[Verb]) -> str:
    body = (inspect.getdoc(verb) or "").replace("``", "`")
    rows = "\n".join(
        _row(key, entry, verb) for key, entry in verb.model_json_schema(by_alias=True)["properties"].items()
    )
    return (
        f"# `{name}`\n\n{body}\n\n## Parameters\n\n"
        f"| key | type | default | meaning |\n|---|---|---|---|\n{rows}\n\n"
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
    return " ".join([str(entry.get("type", "")), *bounds])


if __name__ == "__main__":
    write()
