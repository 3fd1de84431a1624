"""The description of a lab, as plain values, and checks whether such a lab can exist."""
