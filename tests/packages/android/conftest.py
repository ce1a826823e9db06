"""Each export is made once, and read once: its README's commands are run in a clean folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.packages.android.exports import write
from tests.packages.android.jvm import need_jdk
from tests.packages.readme import run_commands

Package = Callable[[str], Path]
Built = Callable[[str], tuple[Path, str]]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The Android package of a kind of export."""

    @cache
    def made(kind: str) -> Path:
        need_jdk()
        return write(kind, tmp_path_factory.mktemp("android") / kind)

    return made


@pytest.fixture(scope="session")
def built(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A copy of a package in which the README's commands were run, and what they printed."""

    @cache
    def made(kind: str) -> tuple[Path, str]:
        return run_commands(package(kind), tmp_path_factory.mktemp("clean"))

    return made
