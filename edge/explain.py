"""The page of an error code: what it means, an example that provokes it, and what to do.

The pages are docs/errors/CODE.md; a wheel carries them, so that they are there without a network.
"""

from __future__ import annotations

import re
from pathlib import Path

from edge import resources
from edge.errors import fail

_FOLDER = "docs/errors"
_FLAGS = re.compile(r"^(```\w+) .*$", re.MULTILINE)  # what only the tests of the pages read


def codes() -> list[str]:
    """All error codes, sorted."""
    return sorted(path.stem for path in resources.path(_FOLDER).glob("E[0-9]*.md"))


def explain(code: str) -> str:
    """The page of a code as Markdown. Raises EdgeError E0000 if there is no such code."""
    wanted, known = code.upper(), codes()
    if wanted not in known:
        near = [other for other in known if other[:3] == wanted[:3]] or known
        raise fail("E0000", f"there is no error {code!r}", help=[f"there are {', '.join(near)}"])
    return _for_reading(resources.path(f"{_FOLDER}/{wanted}.md"))


def _for_reading(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    body = text.split("\n---\n\n", 1)[1] if text.startswith("---\n") else text
    return _FLAGS.sub(r"\1", body)
