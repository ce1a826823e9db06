"""Each export is made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.packages.npm.exports import write

Package = Callable[[str], Path]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The npm package of a kind of export."""

    @cache
    def made(kind: str) -> Path:
        return write(kind, tmp_path_factory.mktemp("npm") / kind)

    return made
