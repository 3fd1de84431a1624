"""No vendor's name outside `vnfs/`: whatever works with one product of a kind works with every other."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEUTRAL = ("common", "lso", "orchestrator", "presto", "presto_api", "presto_client", "reports", "scenarios")
CHOOSES = ("orchestrator/templates/", "scenarios/sabotage/")
"""Templates choose products, one line each. Sabotages that break one product's inside say `requires: {vendors: …}`."""
DEVIATIONS = "\ndeviations:\n"
"""What a matrix ends with: which products are known to fail, and why."""


def vendor_names() -> set[str]:
    """What products are called: by their folders, by their labels, and by node types."""
    folders = {file.parent.name for file in (ROOT / "vnfs").glob("*/descriptor.yaml")}
    return folders | {json.loads(file.read_text())["vendor"] for file in (ROOT / "vnfs").glob("*/product.json")}


def neutral(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    return text.partition(DEVIATIONS)[0] if path.parent == ROOT / "scenarios" / "matrix" else text


def test_nothing_but_templates_sabotages_and_deviations_names_a_vendor() -> None:
    names = re.compile(rf"\b({'|'.join(map(re.escape, sorted(vendor_names())))})\b", re.IGNORECASE)
    files = [path for package in NEUTRAL for path in (ROOT / package).rglob("*") if path.suffix != ".pyc"]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path.is_file() and not str(path.relative_to(ROOT)).startswith(CHOOSES)
        for number, line in enumerate(neutral(path).splitlines(), 1)
        if names.search(line)
    ]
    assert len(files) > 500
    assert not found, "\n".join(found)


def test_a_sabotage_that_names_a_vendor_requires_it() -> None:
    for path in (ROOT / "scenarios" / "sabotage").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        required = set(re.findall(r"(\w+)", (re.search(r"vendors: \{(.*?)\}", text) or [""])[0]))
        named = {name for name in vendor_names() if name in text}
        assert named <= required, path.name
