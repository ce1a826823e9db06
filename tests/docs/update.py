"""Writes what the fences of pages print into the `output` fences after them.

python -m tests.docs.update [docs/errors/E0103.md ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.comparison import same, shown
from tests.docs.pages import DOCS, Page, runnable
from tests.docs.reading import Reader, Step


def main() -> None:
    """Update the pages named, or all."""
    names = [Path(name).resolve().relative_to(DOCS).with_suffix("") for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder))
        for page in [Page(str(name)) for name in names] or runnable():
            _update(reader, page)


def _update(reader: Reader, page: Page) -> None:
    lines = page.text.split("\n")
    steps = reader.read(page)
    for step in reversed(steps):
        if step.output is not None:
            lines[step.output.first : step.output.first + len(step.output.lines)] = _lines(
                reader, page, step
            )
    page.path.write_text("\n".join(lines))
    failed = [s for s in steps if bool(s.outcome.status) != ("fails" in s.fence.flags)]
    print(page.name, "ok" if not failed else "\n".join(_told(step) for step in failed), flush=True)


def _lines(reader: Reader, page: Page, step: Step) -> list[str]:
    """The new output, or the old one where they only differ in what is masked."""
    assert step.output is not None
    new = shown(step.outcome.output, step.output, str(reader.folder(page)))
    old = list(step.output.lines)
    return old if same(old, new, step.output.flags.get("approx")) else new


def _told(step: Step) -> str:
    return f"{step.place}: status {step.outcome.status}\n{step.outcome.output}"


if __name__ == "__main__":
    main()
