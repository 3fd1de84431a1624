"""``lso run --prove``: each assertion of a scenario is run again in a network where it must fail."""
