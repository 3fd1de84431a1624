"""Where VNF products from elsewhere are kept, for whatever looks for products: a folder for each."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "LSO_CATALOGUE"
DEFAULT = Path("/var/lib/lso-testbed/catalogue")


def product_folder() -> Path:
    """The catalogue of this process: that in LSO_CATALOGUE, else the machine's own. It need not be there."""
    return Path(os.environ.get(VARIABLE) or DEFAULT)


def products_in(folder: Path) -> list[Path]:
    """The folders of the products in a catalogue, by name; what is being put there is not one yet."""
    return sorted(path.parent for path in folder.glob("[!.]*/descriptor.yaml"))
