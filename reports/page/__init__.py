"""The report as one offline HTML page: no request leaves it, and it reads the same without JavaScript."""

from __future__ import annotations

from reports.page.render import render_html

__all__ = ["render_html"]
