"""Site plans: what must exist on a uCPE for one service, and the way there from what exists. Pure functions."""

from __future__ import annotations

from orchestrator.plan.build import plan_site, port_keys
from orchestrator.plan.changes import Changes, Difference, diff
from orchestrator.plan.model import (
    Attachment,
    ContainerPlan,
    Flow,
    NetworkPlan,
    PortPlan,
    SitePlan,
    dump_plan,
    load_plan,
    service_cookie,
    service_prefix,
)
from orchestrator.plan.placeholder import PLACEHOLDERS, Placeholder, placeholder
from orchestrator.plan.trace import trace

__all__ = [
    "PLACEHOLDERS",
    "Attachment",
    "Changes",
    "ContainerPlan",
    "Difference",
    "Flow",
    "NetworkPlan",
    "Placeholder",
    "PortPlan",
    "SitePlan",
    "diff",
    "dump_plan",
    "load_plan",
    "placeholder",
    "plan_site",
    "port_keys",
    "service_cookie",
    "service_prefix",
    "trace",
]
