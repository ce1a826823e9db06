"""Each export is made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.packages.mcu.exports import EXPORTS

Package = Callable[[str], Path]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The folder of the package of an export."""

    @cache
    def made(name: str) -> Path:
        kind, export = EXPORTS[name]
        out = tmp_path_factory.mktemp("mcu") / name
        export(out)
        return out / kind

    return made
