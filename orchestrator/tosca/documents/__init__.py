"""Files of a template, read with the place of every value, and findings that name the place."""
