"""The Python of the documentation: it parses, and what it imports is there."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from ...documented import PAGES, ROOT, Block, blocks

PYTHON = [block for page in PAGES for block in blocks(page) if block.language == "python"]


def test_there_are_python_blocks() -> None:
    assert {block.page for block in PYTHON} >= {"docs/labs.md", "docs/ordering.md", "docs/templates.md"}


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"{block.page}:{block.line}")
def test_imports_work(block: Block) -> None:
    """In a process of their own: what Mininet does to the loggers of its process must not reach other tests."""
    nodes = ast.walk(ast.parse(block.text, f"{block.page}:{block.line}"))
    imports = "\n".join(ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
    ran = subprocess.run([sys.executable, "-c", imports], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
