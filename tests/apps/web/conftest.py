"""The page, built once by its own command, and a browser that looks at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.web.person import Person
from tests.browser.devtools import Browser, browser
from tests.browser.serving import served

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python apps/web/build.py` writes."""
    out = tmp_path_factory.mktemp("web") / "site"
    command = [sys.executable, "apps/web/build.py", "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


@pytest.fixture
def person(chromium: Browser, address: str) -> Person:
    """Somebody before the page, which knows nothing of earlier ones."""
    found = Person(chromium.page(), address)
    found.open()
    found.page.evaluate("document.getElementById('forget').disabled || forget.click()")
    found.page.until("document.getElementById('forget').disabled")
    return found
