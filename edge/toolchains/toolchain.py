"""Finding a C compiler for a target, or naming the package that brings one."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError, fail
from edge.target import Target

_ZIG_PACKAGE = "pip install ziglang==0.17.1"
_VERSION_TIMEOUT_S = 60


@dataclass(frozen=True)
class Toolchain:
    """A compiler: the dialect of its flags (`zig` or `gcc`), how it is called, what it is."""

    name: str
    command: tuple[str, ...]
    version: str


def find_toolchain(name: str | None, target: Target) -> Toolchain:
    """The named compiler for a target; None prefers zig and falls back to gcc.

    Raises EdgeError: E0400 if the target has no flags for it, E0401 if it is not installed.
    """
    known = [toolchain for toolchain in ("zig", "gcc") if toolchain in target.flags]
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
    programs = ("arm-none-eabi-gcc",) if _is_arm(target) else ("gcc", "cc")
    found = next((path for path in map(shutil.which, programs) if path), None)
    return (found,) if found else ()


def compiler_version(name: str, command: tuple[str, ...]) -> str:
    """The version that the compiler prints, such as "0.17.1"."""
    ask = [command[0], "version"] if name == "zig" else [*command, "-dumpfullversion"]
    answer = subprocess.run(
        ask, capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False
    )
    return answer.stdout.strip() or "unknown"


def package_of(name: str, target: Target) -> str:
    """The command that installs a compiler for the target."""
    if name == "zig":
        return _ZIG_PACKAGE
    return f"apt-get install {'gcc-arm-none-eabi' if _is_arm(target) else 'gcc libc6-dev'}"


def _zig_program() -> Path | None:
    # The program itself, not `python -m ziglang`: that would start Python for each source file.
    spec = importlib.util.find_spec("ziglang")
    folders = (spec.submodule_search_locations or []) if spec else []
    programs = (Path(folder) / name for folder in folders for name in ("zig", "zig.exe"))
    return next((program for program in programs if program.is_file()), None)


def _is_arm(target: Target) -> bool:
    return target.cpu.startswith("cortex-m")


def _missing(names: list[str], target: Target) -> EdgeError:
    return fail(
        "E0401",
        f"no compiler for {target.name}: {' and '.join(names)} not found",
        help=[package_of(name, target) for name in names],
    )
