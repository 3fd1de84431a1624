"""What is measured as it happens; what can be counted in the database is counted there when somebody asks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
WORK_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Meters:
    """One set for each core, so that several servers may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "presto_requests", "Requests answered", ["face", "method", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "presto_request_seconds",
            "Until the answer began",
            ["face"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self.work_seconds = Histogram(
            "presto_work_seconds", "Carrying out a change of a service", buckets=WORK_SECONDS, registry=self.registry
        )
