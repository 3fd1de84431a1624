"""What a lab shall look like, as plain values, and whether such a lab can exist."""
