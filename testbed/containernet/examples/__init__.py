"""Scripts as one writes them for Containernet; only their first import is ours."""
