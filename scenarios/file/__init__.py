"""A scenario's file: its format, where each value stands in it, and findings that name the place."""
