"""Settings of the documentation site: Sphinx with MyST Markdown; tables are made from the code."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

from generate import write_all

project = "Edge"
copyright = "the Edge authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["generate", "_build"]
html_theme = "furo"
html_title = "Edge"
html_show_sphinx = False
html_copy_source = False
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of signatures are no pages
autodoc_typehints = "none"
suppress_warnings = ["misc.highlighting_failure"]


def setup(app: Sphinx) -> None:
    """Write docs/generated before pages are read."""
    app.connect("builder-inited", lambda app: write_all(Path(app.srcdir) / "generated"))
