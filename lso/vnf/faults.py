"""What is wrong with a product, as an exception."""

from __future__ import annotations


class ProductFault(Exception):
    """The product does not do what the contract says, so that a check cannot go on; the text says what it did."""
