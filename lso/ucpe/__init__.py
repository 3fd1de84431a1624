"""Holding a uCPE against the uCPE contract (docs/ucpe.md)."""
