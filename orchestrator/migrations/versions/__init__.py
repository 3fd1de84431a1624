"""One revision a file. Nothing is released yet: whoever changes a table changes `initial`."""
