"""What is particular to firewalls: their table of cases, and what sends it."""
