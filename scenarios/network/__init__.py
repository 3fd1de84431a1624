"""The network under test as the verbs see it: chain, tunnels, declared loss, probes and captures on the wire."""
