"""What is particular to statistics: exact counts of generated traffic."""
