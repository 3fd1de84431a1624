"""The product of each kind that new ones begin with, and that others are tried against where a kind needs a peer."""

from __future__ import annotations

import yaml

from testbed.images.recipes import PROJECT

REFERENCES: dict[str, str] = yaml.safe_load((PROJECT / "vnfs" / "references.yaml").read_text(encoding="utf-8"))
"""Kind → name."""
