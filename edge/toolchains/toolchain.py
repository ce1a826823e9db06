"""Finding a C compiler for a target, or naming the package that brings one."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge.errors import EdgeError, fail
from edge.target import Target

_ZIG_PACKAGE = "pip install ziglang==0.17.1"
_EMSCRIPTEN_PACKAGE = "apt-get install emscripten"
_TOOLCHAINS = ("zig", "gcc", "emscripten")
_VERSION_TIMEOUT_S = 60


@dataclass(frozen=True)
class Toolchain:
    """A compiler: the dialect of its flags (`zig`, `gcc`, `emscripten`), how it is called, what it
    is."""

    name: str
    command: tuple[str, ...]
    version: str


def find_toolchain(name: str | None, target: Target) -> Toolchain:
    """The named compiler for a target; None prefers zig and falls back to the others.

    Raises EdgeError: E0400 if the target has no flags for it, E0401 if it is not installed.
    """
    known = [toolchain for toolchain in _TOOLCHAINS if toolchain in target.flags]
    if name is not None and name not in known:
        raise fail(
            "E0400",
            f"toolchain {name!r} cannot build for {target.name}",
            help=[f"toolchains for {target.name}: {', '.join(known)}"],
        )
    for candidate in known if name is None else [name]:
        command = compiler_command(candidate, target)
        if command:
            return Toolchain(candidate, command, compiler_version(candidate, command))
    raise _missing(known if name is None else [name], target)


def compiler_command(name: str, target: Target) -> tuple[str, ...]:
    """How the compiler is called, () if it is not installed."""
    if name == "zig":
        zig = _zig_program()
        return (str(zig), "cc") if zig else ()
    if name == "emscripten":
        emcc = shutil.which("emcc")
        return (emcc,) if emcc else ()
    found = next((path for path in map(shutil.which, _gcc_of(target).programs) if path), None)
    return (found,) if found else ()


def compiler_version(name: str, command: tuple[str, ...]) -> str:
    """The version that the compiler prints, such as "0.17.1"."""
    question = {"zig": "version", "gcc": "-dumpfullversion", "emscripten": "-dumpversion"}[name]
    ask = [command[0], question]
    answer = subprocess.run(
        ask, capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False
    )
    return answer.stdout.strip() or "unknown"


def package_of(name: str, target: Target) -> str:
    """The command that installs a compiler for the target."""
    if name == "zig":
        return _ZIG_PACKAGE
    if name == "emscripten":
        return _EMSCRIPTEN_PACKAGE
    return f"apt-get install {_gcc_of(target).packages}"


def _zig_program() -> Path | None:
    # The program itself, not `python -m ziglang`: that would start Python for each source file.
    spec = importlib.util.find_spec("ziglang")
    folders = (spec.submodule_search_locations or []) if spec else []
    programs = (Path(folder) / name for folder in folders for name in ("zig", "zig.exe"))
    return next((program for program in programs if program.is_file()), None)


class _Gcc(NamedTuple):
    """Names that GCC has for a CPU, the first one found counts, and the packages it comes in."""

    programs: tuple[str, ...]
    packages: str


_HOST_GCC = _Gcc(("gcc", "cc"), "gcc libc6-dev")
_FIRMWARE_GCC = _Gcc(("arm-none-eabi-gcc",), "gcc-arm-none-eabi")
_AARCH64_GCC = _Gcc(("aarch64-linux-gnu-gcc",), "gcc-aarch64-linux-gnu")
_GCC_OF_CPU: Mapping[str, _Gcc] = {
    "aarch64": _AARCH64_GCC,
    "aarch64-android": _AARCH64_GCC,
    "armv7a": _Gcc(("arm-linux-gnueabihf-gcc",), "gcc-arm-linux-gnueabihf"),
}


def _gcc_of(target: Target) -> _Gcc:
    default = _FIRMWARE_GCC if target.cpu.startswith("cortex-m") else _HOST_GCC
    return _GCC_OF_CPU.get(target.cpu, default)


def _missing(names: list[str], target: Target) -> EdgeError:
    return fail(
        "E0401",
        f"no compiler for {target.name}: {' and '.join(names)} not found",
        help=[package_of(name, target) for name in names],
    )
