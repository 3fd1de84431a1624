"""The TOSCA front end: templates read from allowed folders, checked as a whole, and filled with inputs."""

from __future__ import annotations

from orchestrator.tosca.catalogue import Catalogue, compile_site, validate

__all__ = ["Catalogue", "compile_site", "validate"]
