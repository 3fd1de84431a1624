"""What verbs send that nobody could have foreseen: protocols, ports, sizes and order, drawn from a seed."""
