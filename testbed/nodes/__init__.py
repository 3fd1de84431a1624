"""The kinds of node that a lab is made of."""
