"""The verbs ``ipsec.…``: what is to be proved of the key exchange, beside what the wire shows of packets."""
