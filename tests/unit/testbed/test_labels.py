"""What the handbook says of the labels of resources."""

from __future__ import annotations

import re
from pathlib import Path

from testbed.labels import CREATOR_LABEL, KEPT_LABEL, LABEL

HANDBOOK = Path(__file__).parents[3] / "docs" / "labs.md"


def test_the_handbook_names_the_labels_as_they_are() -> None:
    named = set(re.findall(r"`(lso\.\w+)[`:]", HANDBOOK.read_text()))
    assert named == {LABEL, CREATOR_LABEL, KEPT_LABEL}
