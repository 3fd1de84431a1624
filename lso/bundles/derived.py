"""The files of a bundle that follow from the others: the report's pages, a text for readers, keys for Wireshark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lso.bundles import readme
from reports.junit import junit_xml
from reports.model import RunResult
from reports.page import render_html
from reports.write import JUNIT_NAME, PAGE_NAME
from testbed.esp.wireshark import PREFERENCES, esp_sa

PROFILE = "wireshark"


def derived(result: RunResult, contents: Mapping[str, Path], fingerprint: str) -> dict[str, bytes]:
    """Return by name the files that follow from *result*, the files *contents* and the *fingerprint* of the key."""
    texts = {
        readme.NAME: readme.readme(result, fingerprint),
        JUNIT_NAME: junit_xml(result),
        PAGE_NAME: render_html(result),
        f"{PROFILE}/esp_sa": esp_sa(_associations(contents)),
        f"{PROFILE}/preferences": PREFERENCES,
    }
    return {name: text.encode() for name, text in texts.items()}


def _associations(contents: Mapping[str, Path]) -> Iterator[Mapping[str, Any]]:
    """Yield the security associations of all documents of keys among *contents*."""
    for name, path in contents.items():
        document = _json(path) if name.endswith("keys.json") else None
        found = document.get("sas") if isinstance(document, dict) else None
        yield from (entry for entry in (found if isinstance(found, list) else ()) if isinstance(entry, dict))


def _json(path: Path) -> Any:
    """Return the document in *path*, None where a gateway that did not answer said why in its place."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
