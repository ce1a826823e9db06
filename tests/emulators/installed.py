"""What a machine must have to run a target's programs; tests that lack it skip and say so."""

from __future__ import annotations

import shutil

import pytest

from edge.target import load_target
from edge.toolchains.toolchain import compiler_command, package_of


def need(target_name: str, compiler: str) -> None:
    """Skip unless the target's emulator and a compiler for it are installed."""
    target = load_target(target_name)
    if target.emulator.startswith("qemu") and not shutil.which(target.emulator):
        package = "qemu-system-arm" if target.emulator.startswith("qemu-system") else "qemu-user"
        pytest.skip(f"{target.emulator} is missing: apt-get install {package}")
    if not compiler_command(compiler, target):
        pytest.skip(package_of(compiler, target))
