"""Which compilers and emulators this machine has, and what brings the missing ones."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from edge.target import load_target
from edge.toolchains.toolchain import compiler_command, compiler_version, package_of

_VERSION_TIMEOUT_S = 60


class Tool(NamedTuple):
    """A program or package; `detail` is its version and path, or the command that installs it."""

    name: str
    found: bool
    detail: str


def _tool(name: str, version: str | None, install: str) -> Tool:
    return Tool(name, version is not None, version or install)


def doctor() -> list[Tool]:
    """State of every tool that edge can use; none is needed to import edge or to export."""
    emulators = [_emulator(name, package) for name, package in _EMULATORS]
    return [*_compilers(), *emulators, *map(_package, _PACKAGES)]


_EMULATORS = (
    ("qemu-system-arm", "qemu-system-arm"),
    ("qemu-aarch64", "qemu-user"),
    ("qemu-arm", "qemu-user"),
)


_PACKAGES = (
    ("wasmtime", "pip install 'edge-nn[build]'"),
    ("torch", "pip install 'edge-nn[torch]'"),
    ("ai-edge-litert", "pip install 'edge-nn[litert]'"),
)


def _compilers() -> Iterable[Tool]:
    for label, name, target_name in (
        ("zig", "zig", "cortex-m7"),
        ("arm-none-eabi-gcc", "gcc", "cortex-m7"),
        ("aarch64-linux-gnu-gcc", "gcc", "aarch64"),
        ("arm-linux-gnueabihf-gcc", "gcc", "armv7a"),
        ("gcc", "gcc", "host"),
        ("emcc", "emscripten", "wasm32"),
    ):
        target = load_target(target_name)
        command = compiler_command(name, target)
        found = f"{compiler_version(name, command)} ({command[0]})" if command else None
        yield _tool(label, found, package_of(name, target))


def _emulator(name: str, package: str) -> Tool:
    path = shutil.which(name)
    found = f"{_first_line([path, '--version'])} ({path})" if path else None
    return _tool(name, found, f"apt-get install {package}")


def _first_line(command: list[str]) -> str:
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False
    )
    return next(iter(answer.stdout.splitlines()), "version unknown")


def _package(package: tuple[str, str]) -> Tool:
    name, install = package
    return _tool(name, _installed_version(name), install)


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
