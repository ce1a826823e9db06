"""Every runnable fence of the documentation runs and prints what the page shows."""

from __future__ import annotations

import shutil

import pytest

from tests.docs.comparison import same, shown
from tests.docs.pages import Page, runnable
from tests.docs.reading import Reader, Step

_PACKAGES = {
    "qemu-system-arm": "apt-get install qemu-system-arm",
    "qemu-aarch64": "apt-get install qemu-user",
    "node": "apt-get install nodejs",
}


@pytest.mark.parametrize("page", runnable(), ids=lambda page: page.name)
def test_a_page_does_what_it_shows(page: Page, reader: Reader) -> None:
    if page.tool and not shutil.which(page.tool):
        pytest.skip(f"needs {page.tool}: {_PACKAGES[page.tool]}")
    for step in reader.read(page):
        _ends_as_told(step)
        _prints_as_shown(step, str(reader.folder(page)))


def _ends_as_told(step: Step) -> None:
    fails, shows = (step.fence.flags.get(flag) for flag in ("fails", "shows"))
    assert bool(step.outcome.status) == (fails is not None), _told(step)
    code = fails or shows
    assert code is None or code in step.outcome.output, _told(step)


def _prints_as_shown(step: Step, folder: str) -> None:
    if step.output is None:
        return
    expected = list(step.output.lines)
    actual = shown(step.outcome.output, step.output, folder)
    assert same(expected, actual, step.output.flags.get("approx")), (
        _told(step) + "\nif this is right: python -m tests.docs.update"
    )


def _told(step: Step) -> str:
    return f"{step.place}, status {step.outcome.status}:\n{step.outcome.output}"
