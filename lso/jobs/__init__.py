"""Scenarios as independent jobs of Dask distributed, for ``lso matrix`` and ``lso run --parallel``."""
