"""Container images: what they are made of, how they are built, and the store that every uCPE shares."""
