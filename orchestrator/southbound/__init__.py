"""Drivers of the three protocols that a uCPE speaks: Docker Engine API, OVSDB (RFC 7047) and OpenFlow 1.4.

They know nothing of services; each talks to one uCPE and raises `UcpeUnreachable` or `UcpeRefused`.
"""
