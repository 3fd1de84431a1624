"""The product of each kind that new ones begin with, and that others are tried against where a kind needs a peer."""

from __future__ import annotations

from common.yaml_reader import read_yaml
from testbed.images.recipes import PROJECT

REFERENCES: dict[str, str] = read_yaml((PROJECT / "vnfs" / "references.yaml").read_bytes()).data
"""Kind → name."""
