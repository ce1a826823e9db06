"""Runs the commands of a generated README as a reader does: in a clean copy of its folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 300


def blocks(readme: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [code for found, code in _FENCE.findall(readme.read_text()) if found == language]


def run_commands(package: Path, clean: Path) -> tuple[Path, str]:
    """A clean copy in which every `sh` block of the README was run, and all that was printed."""
    folder = clean / package.name
    shutil.copytree(package, folder)
    printed = [_run(block, folder) for block in blocks(folder / "README.md", "sh")]
    return folder, "".join(printed)


def _run(block: str, folder: Path) -> str:
    # Programs from PyPI lie beside the Python of the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", block], cwd=folder, env={**os.environ, "PATH": path}, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout}"
    return done.stdout


def assert_expected(package: Path, printed: str, times: int) -> None:
    """Every line that the README shows as expected output was printed so many times."""
    (expected,) = blocks(package / "README.md", "text")
    for line in expected.splitlines():
        assert printed.count(line) == times, f"{line!r} in\n{printed}"
