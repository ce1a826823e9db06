"""A hand-written project in the form of an export, whose tiny_invoke each test chooses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TINY = Path(__file__).parent.parent / "toolchains" / "tiny"
DOUBLE = """void tiny_invoke(void) {
    EDGE_LAYER(0);
    for (int i = 0; i < 4; i++) {
        tiny_arena[36 + i] = (uint8_t)(2 * tiny_arena[i]);
    }
}
"""


@pytest.fixture()
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write the tiny project with the given C of tiny_invoke; returns its folder."""

    def write(invoke: str = DOUBLE) -> Path:
        folder = tmp_path / "tiny"
        shutil.copytree(TINY, folder)
        (folder / "invoke.h").write_text(invoke)
        return folder

    return write
