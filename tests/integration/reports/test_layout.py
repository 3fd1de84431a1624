"""The report's page as a browser lays it out: nothing is cut off or has to be scrolled sideways, at any usual width."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.page import render_html
from reports.read import load_run

SAMPLES = Path(__file__).parents[2] / "unit" / "reports" / "samples"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--virtual-time-budget=2000", "--dump-dom"),
)
LOOK = """<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  const found = [];
  for (const element of document.querySelectorAll("html, body *")) {
    const inline = getComputedStyle(element).display === "inline";
    if (inline || !element.clientWidth || element.closest("svg, .sr, .symbols, .skip, .row .label")) continue;
    const wide = element.scrollWidth - element.clientWidth;
    if (wide > 1) found.push(`${element.tagName}.${element.className} by ${wide}: ${element.textContent.slice(0, 60)}`);
  }
  const list = document.createElement("pre");
  list.id = "found";
  list.textContent = found.join("\\n");
  document.body.append(list);
});</script></body>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs a browser: apt-get install chromium")
    return found


@pytest.mark.parametrize("width", [1400, 1100, 500])
@pytest.mark.parametrize("name", ["failed", "passed", "six-sites", "no-steps"])
def test_nothing_is_cut_off(name: str, width: int, browser: str, tmp_path: Path) -> None:
    page = render_html(load_run(SAMPLES / f"{name}.json"))
    page = re.sub(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page
    )  # it lets only the page's own script run
    file = tmp_path / "report.html"
    file.write_text(page.replace("</body>", LOOK), encoding="utf-8")
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path}/profile", f"--window-size={width},2000", file.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
    assert found, "the page's script did not run"
    assert html.unescape(found[1]) == ""
