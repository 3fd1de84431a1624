"""One revision a file; the first release writes its tables out, and each later change of one adds a file."""
