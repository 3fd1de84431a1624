"""The operations of the PoC over RESTCONF (TAPI with SD-WAN)."""
