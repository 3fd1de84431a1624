"""Put a product into the catalogue of this machine, so that scenarios and `lso serve --product` find it by its name.

PRODUCT is a folder with a Dockerfile and a descriptor.yaml, which is built, or an image archive of `docker save`, alone
or in a folder with a descriptor.yaml. Another catalogue is that in LSO_CATALOGUE, for each lso that is to find it. A
running lab keeps the products that it began with. Exit code: 0 added, 2 bad input; then nothing changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common.product_folder import VARIABLE, product_folder
from lso.exits import PASSED
from testbed.progress import Progress

HELP = "put a product into the catalogue"
EXAMPLES = f"""examples:
  lso vnf add acme                               the product in the folder acme/
  lso vnf add acme-2.1.tar --name acme           an image archive: docker save -o acme-2.1.tar acme:2.1
  {VARIABLE}=products lso up scenarios/poc-two-sites     a lab with a catalogue of its own"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("product", metavar="PRODUCT", type=Path, help="a folder, or an image archive (docker save)")
    parser.add_argument("--name", metavar="NAME", help="the product's name (default: that of the folder or file)")
    parser.add_argument("--descriptor", metavar="FILE", type=Path, help="the descriptor of an image archive")
    parser.add_argument("--replace", action="store_true", help="take the place of the product of that name")
    parser.add_argument(
        "--catalogue", metavar="DIR", type=Path, default=product_folder(), help="the catalogue (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.vnf.catalogue import add  # noqa: PLC0415  (TOSCA costs a third of a second)

    added = add(
        options.product,
        options.catalogue.resolve(),
        _show,
        name=options.name,
        descriptor=options.descriptor,
        replace=options.replace,
    )
    product = added.product
    print(f"added {product.name}: {product.kind}, {product.vendor or 'no vendor'} {product.version or ''}".rstrip())
    if added.assumed:
        asked = [*product.linux_capabilities, *product.devices, *product.sysctls]
        print(f"it came without a descriptor: {added.folder / 'descriptor.yaml'} lets it have {' '.join(asked)}")
    print(f"in a scenario: products: {{SITE: {{{product.kind}: {product.name}}}}}")
    return PASSED


def _show(progress: Progress) -> None:
    print(f"[{progress.seconds:5.1f} s] {progress.phase}: {progress.text}", flush=True)
