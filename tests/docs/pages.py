"""Pages of the documentation as what can be run: fences with flags, and the output shown.

A fence `python run` or `sh run` is executed, `file=NAME` is written to the page's folder, and a
`text output` fence directly after shows what the fence before printed. Further flags: `fails=E0103`
(the fence must end with this error), `shows=E0207` (it succeeds and prints this), `approx=20`
(numbers may differ by 20 per cent; 5 without a number), `head=N` (only the first lines are shown).
The front matter's `needs: PAGE` names a page that is run before in the same folder, `tools: NAME` a
program without which the page is not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_OPENING = re.compile(r"^```(\w+)(?: (.*))?$")
_SETTING = r"^{}: *(\S+)$"
_CLOSING = "```"


@dataclass(frozen=True)
class Fence:
    """A code block: its language, flags and lines; `first` is the line of its content from 0."""

    language: str
    flags: Mapping[str, str]
    first: int
    lines: tuple[str, ...]

    @property
    def code(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def is_run(self) -> bool:
        return "run" in self.flags or "file" in self.flags

    @property
    def is_output(self) -> bool:
        return "output" in self.flags


def fences(text: str) -> Iterator[Fence]:
    """The fences of a page, in order."""
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        opening = _OPENING.match(lines[start])
        if opening is None:
            start += 1
            continue
        end = lines.index(_CLOSING, start + 1)
        content = tuple(lines[start + 1 : end])
        yield Fence(opening[1], _flags(opening[2] or ""), start + 1, content)
        start = end + 1


def _flags(text: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in text.split())
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Page:
    """A page by its path under docs, without ending: "errors/E0103"."""

    name: str

    @property
    def path(self) -> Path:
        return DOCS / f"{self.name}.md"

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def needs(self) -> Page | None:
        """The page whose files this one goes on with."""
        name = self._setting("needs")
        return Page(name) if name else None

    @property
    def tool(self) -> str | None:
        """A program without which the page cannot be run."""
        return self._setting("tools")

    def _setting(self, key: str) -> str | None:
        head = self.text.split("\n---\n")[0] if self.text.startswith("---\n") else ""
        found = re.search(_SETTING.format(key), head, re.MULTILINE)
        return found[1] if found else None

    def steps(self) -> Iterator[tuple[Fence, Fence | None]]:
        """What is run, each with the fence that shows its output, if one follows directly."""
        found = list(fences(self.text))
        for fence, after in zip_longest(found, found[1:]):
            if fence.is_run:
                yield fence, after if after and after.is_output else None


def pages() -> list[Page]:
    """All pages that are written by hand."""
    paths = (path.relative_to(DOCS) for path in sorted(DOCS.rglob("*.md")))
    return [Page(str(path.with_suffix(""))) for path in paths if path.parts[0] != "generated"]


def runnable() -> list[Page]:
    """The pages with something to run."""
    return [page for page in pages() if any(page.steps())]
