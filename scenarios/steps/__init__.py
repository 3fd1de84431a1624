"""A step: what its verb is given, what the verb observes, and how that is judged."""
