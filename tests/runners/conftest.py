"""A hand-written project in the form of an export, whose tiny_invoke each test chooses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TINY = Path(__file__).parent.parent / "toolchains" / "tiny"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # One folder for all tests: what they do not change is compiled once.
    return tmp_path_factory.mktemp("projects") / "tiny"


@pytest.fixture
def project(tiny_folder: Path) -> Callable[..., Path]:
    """Write the tiny project, if wanted with other C for tiny_invoke; returns its folder."""

    def write(invoke: str = "") -> Path:
        shutil.copytree(TINY, tiny_folder, dirs_exist_ok=True)
        if invoke:
            (tiny_folder / "invoke.c").write_text(f'#include "tiny.h"\n{invoke}')
        return tiny_folder

    return write
