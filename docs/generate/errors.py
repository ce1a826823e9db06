"""The list of error codes, from their pages."""

from __future__ import annotations

import re

from edge import resources
from edge.explain import codes
from generate.markdown import table

_KINDS = {
    "E00": "usage, files and settings (exit status 2)",
    "E01": "the model is not supported (3)",
    "E02": "quantization (3)",
    "E03": "it does not fit (1)",
    "E04": "a tool is missing or a build failed (4)",
    "E05": "verification (1)",
    "E70": "internal (70)",
}


def page() -> str:
    """All codes by kind, each with its page."""
    parts = [
        "# Error codes\n",
        "`edge explain E0301` prints a page without a network.\n",
    ]
    for prefix, kind in _KINDS.items():
        rows = [(f"[{c}](../errors/{c}.md)", _title(c)) for c in codes() if c.startswith(prefix)]
        parts.append(f"## {prefix}xx: {kind}\n\n{table(('code', 'what'), rows)}")
    return "\n".join(parts)


def _title(code: str) -> str:
    text = resources.path(f"docs/errors/{code}.md").read_text()
    found = re.search(rf"^# {code}: (.+)$", text, re.MULTILINE)
    if found is None:
        raise LookupError(code)
    return found[1]
