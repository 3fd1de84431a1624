"""A chain with two statistics VNFs: ``statistics.exact`` judges both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from breaking import POC, assert_fails, assert_passes, judge_one

from orchestrator.inventory import load_inventory
from orchestrator.process.parent import OrchestratorProcess
from orchestrator.service import Orchestrator
from orchestrator.store import Store as OrchestratorStore
from orchestrator.tosca.catalogue import Catalogue
from presto.domain.settings import Settings
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer
from reports.model import Verdict
from scenarios.load import load
from scenarios.session import ordered

TEMPLATES = Path(__file__).parents[2] / "orchestrator" / "templates"
SECOND = """\
    statistics:
      type: lso.vnf.Flowstat
      requirements:
        - next: second

    second:
"""
STREAM = {"from_": "a1", "to": "b1", "destination_port": 9004, "packets": 50}


def test_the_second_of_two_statistics_vnfs_is_judged(tmp_path: Path) -> None:
    template = (TEMPLATES / "poc-site.yaml").read_text(encoding="utf-8").replace("    statistics:\n", SECOND)
    (tmp_path / "two-statistics.yaml").write_text(template, encoding="utf-8")

    @contextmanager
    def served(inventory: Path, database: Path, _products: object) -> Iterator[str]:
        enrolled, engine = load_inventory(inventory), open_engine(str(database))
        url = f"sqlite:///{tmp_path}/orchestrator.db"
        made = partial(Orchestrator, store=url, catalogue=Catalogue([tmp_path]))
        orchestrator = OrchestratorProcess(enrolled, OrchestratorStore(url), made)
        settings = Settings(template="two-statistics", export_keys=True)
        with BackgroundServer(create_app(Core(enrolled, Store(engine), orchestrator, settings))) as server:
            yield server.url

    with ordered(load(POC).scenario, served) as context:
        passed = judge_one(context, tmp_path, "statistics.exact", **STREAM)
        assert_passes(passed)
        assert {check.name.split(":")[0] for check in passed.checks if "direction" in check.name} == {
            f"{site}/{vnf}" for site in ("site-a", "site-b") for vnf in ("statistics", "second")
        }
        second = next(vnf for vnf in context.view("site-b").vnfs(context.service_id) if vnf.name == "second")
        second.access.run(["nft", "insert rule ip flowstat wan-to-lan counter name wan-to-lan"])
        failed = assert_fails(
            judge_one(context, tmp_path, "statistics.exact", **STREAM, within_seconds=1),
            "site-b/second: direction wan-to-lan",
        )
        assert {check.name for check in failed} == {"site-b/second: direction wan-to-lan"}
        assert all(check.verdict is Verdict.FAILED for check in failed)
