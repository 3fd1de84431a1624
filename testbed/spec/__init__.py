"""The description of a lab, as plain values, and checks whether such a lab can exist."""

from __future__ import annotations

from testbed.spec.model import HostSpec, Impairment, LabSpec, SiteSpec, UnderlaySpec, WanSpec

__all__ = ["HostSpec", "Impairment", "LabSpec", "SiteSpec", "UnderlaySpec", "WanSpec"]
