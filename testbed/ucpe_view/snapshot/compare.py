"""Two snapshots of a uCPE: their differences in plain words, and both as one document that holds what is equal once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from testbed.ucpe_view.snapshot.model import Part, Snapshot


def differences(before: Part, after: Part) -> Iterator[str]:
    """Yield a sentence for each thing that is left over, gone, or not as it was."""
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"{name} is left over"
        elif name not in after:
            yield f"{name} is gone"
        elif before[name] != after[name]:
            yield f"{name}: {', '.join(_changes(before[name], after[name]))}"


def together(before: Snapshot, after: Snapshot) -> dict[str, Snapshot]:
    """Return both snapshots as one document for :func:`apart`."""
    document: dict[str, Snapshot] = {"both": {}, "before": {}, "after": {}}
    for title in {**before, **after}:
        old, new = before.get(title, {}), after.get(title, {})
        document["both"][title] = {name: details for name, details in old.items() if new.get(name) == details}
        for moment, found in (("before", old), ("after", new)):
            only = {name: details for name, details in found.items() if name not in document["both"][title]}
            if only:
                document[moment][title] = only
    return document


def apart(document: Mapping[str, Snapshot]) -> tuple[Snapshot, Snapshot]:
    """Return the two snapshots, before and after, that :func:`together` put into *document*."""
    before, after = (
        {title: {**items, **document[moment].get(title, {})} for title, items in document["both"].items()}
        for moment in ("before", "after")
    )
    return before, after


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{name} was {_words(old)}, is {_words(new)}"


def _words(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
