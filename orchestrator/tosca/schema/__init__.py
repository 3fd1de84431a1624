"""Types, and what a value of a type must be: constraints, formats, proposals of algorithms."""
