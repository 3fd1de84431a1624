"""Products of others: a folder to begin with, what holds one against the VNF contract, a catalogue of them."""
