"""Reads a page as a user does: runs the page it goes on from first, then its own fences."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.execution import Outcome, Session
from tests.docs.pages import Fence, Page


@dataclass(frozen=True)
class Step:
    """A fence that was run, what it printed, and the fence that shows its output."""

    fence: Fence
    outcome: Outcome
    output: Fence | None

    @property
    def place(self) -> str:
        return f"line {self.fence.first}"


@dataclass
class Reader:
    """Reads each page once, and keeps its folder for the pages that go on from it."""

    root: Path
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def read(self, page: Page) -> list[Step]:
        """What the fences of a page did, one after the other, in a folder of its own."""
        if page.name not in self.steps:
            session = Session(self._new_folder(page))
            self.steps[page.name] = [
                Step(fence, session.run(fence), output) for fence, output in page.steps()
            ]
        return self.steps[page.name]

    def folder(self, page: Page) -> Path:
        """Where a page was read, or is to be read."""
        return self.root / page.name.replace("/", "-")

    def _new_folder(self, page: Page) -> Path:
        folder = self.folder(page)
        if page.needs:
            self.read(page.needs)
            shutil.copytree(self.folder(page.needs), folder)
        else:
            folder.mkdir(parents=True)
        return folder
