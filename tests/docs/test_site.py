"""The site builds without a warning, and its tables are those of the code."""

from __future__ import annotations

import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from edge.cli import COMMANDS
from edge.ir import OPS
from edge.target import targets
from tests.docs.pages import DOCS, pages

pytest.importorskip("sphinx", reason="needs sphinx: pip install 'edge-nn[docs]'")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", out / "doctrees", DOCS, out / "html"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out / "html"


def test_every_page_is_built(site: Path) -> None:
    assert all((site / f"{page.name}.html").is_file() for page in pages())


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("commands", [f"edge {name}" for name in COMMANDS]),
        ("targets", targets()),
        ("operators", list(OPS)),
    ],
)
def test_tables_name_all_there_is(site: Path, page: str, names: list[str]) -> None:
    text = unescape((site / "generated" / f"{page}.html").read_text())
    assert [name for name in names if name not in text] == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in pages():
        text = (site / f"{page.name}.html").read_text()
        assert 'src="http' not in text
        assert 'rel="stylesheet" href="http' not in text
