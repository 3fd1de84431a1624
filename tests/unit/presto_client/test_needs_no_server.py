"""The client is for those who have no server: none of its modules loads one."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import importlib, pkgutil, sys
for package in map(importlib.import_module, ("presto_api", "presto_client")):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_no_module_loads_a_server() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"presto_api", "presto_client"} <= loaded
    assert loaded & {"alembic", "docker", "fastapi", "orchestrator", "presto", "sqlalchemy", "uvicorn"} == set()
