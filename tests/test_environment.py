"""Under CI nothing may be skipped for want of a tool: each that tests need must be there."""

from __future__ import annotations

import os
import shutil

import pytest

TOOLS = (
    "qemu-system-arm",
    "qemu-aarch64",
    "qemu-arm",
    "arm-none-eabi-gcc",
    "aarch64-linux-gnu-gcc",
    "arm-linux-gnueabihf-gcc",
    "gcc",
    "cmake",
    "chromium",
    "emcc",
    "node",
)


@pytest.mark.skipif(not os.environ.get("CI"), reason="only CI promises every tool")
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_tests_need_is_there(tool: str) -> None:
    assert shutil.which(tool), f"{tool} is missing: see the package lists in the Makefile"
