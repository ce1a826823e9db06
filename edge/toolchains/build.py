"""Compiling and linking an exported project.

Objects are kept in the build folder under a name made from everything they depend on, so a second
build compiles only what changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edge import resources
from edge.errors import Diagnostic, EdgeError
from edge.target import Target
from edge.toolchains import commands
from edge.toolchains.sources import ProjectSources, load_sources
from edge.toolchains.toolchain import Toolchain

_COMPILE_TIMEOUT_S = 300
_OUTPUT_LINES = 12
_OVERFLOW = re.compile(r"region [`'](\w+)':? overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Program:
    """A built project. `profile` programs mark the start of each stage for the runner.

    `baseline` is the same model for engines that lack what the target's kernels need.
    """

    path: Path
    project: ProjectSources
    target: Target
    toolchain: Toolchain
    profile: bool = False
    baseline: Program | None = None


@dataclass(frozen=True)
class _Unit:
    """A source file with its flags; `label` names it in messages and objects."""

    source: Path
    label: str
    flags: tuple[str, ...]


def build(
    project: Path,
    target: Target,
    toolchain: Toolchain,
    *,
    profile: bool = False,
    build_dir: Path | None = None,
) -> Program:
    """Compile and link an exported folder for a target.

    `build_dir` defaults to build/TARGET-TOOLCHAIN in the folder. Raises EdgeError: E0003 if the
    folder is no export, E0402 if compiling or linking fails, E0310 if the program is larger than
    the target's memory.
    """
    exported = load_sources(project)
    folder = build_dir or exported.path / "build" / f"{target.name}-{toolchain.name}"
    folder.mkdir(parents=True, exist_ok=True)
    units = _units(exported, target, toolchain, profile, folder)
    objects = _compile_all(units, toolchain, folder, _headers_digest(exported, target))
    stem = exported.name + ("-profile" if profile else "")
    kind = commands.kind_of(target)
    path = folder / f"{kind.prefix}{stem}{kind.suffix}"
    _link(exported, target, toolchain, objects, path)
    return Program(path, exported, target, toolchain, profile)


def _units(
    project: ProjectSources, target: Target, toolchain: Toolchain, profile: bool, folder: Path
) -> list[_Unit]:
    includes = [f"-I{path}" for path in project.include_folders]
    includes += [f"-isystem{path}" for path in commands.system_folders(target)]
    flags = (*commands.compile_flags(target, toolchain.name, board=False), *includes)
    # Only generated sources hold marks; kernels are compiled once for both kinds of program.
    marked = (*flags, "-DEDGE_PROFILE") if profile else flags
    board_flags = (*commands.compile_flags(target, toolchain.name, board=True), *includes)
    features = folder / "features.c"
    features.write_text(commands.feature_check(target), encoding="utf-8")
    return [
        _Unit(features, "features.c", flags),
        *(
            _Unit(project.path / source, source, flags if source.startswith("edge/") else marked)
            for source in project.files
        ),
        *(_Unit(project.path / file, file, flags) for file in _frame_files(project, target)),
        *(_Unit(path, path.name, board_flags) for path in commands.board_sources(target)),
    ]


def _frame_files(project: ProjectSources, target: Target) -> tuple[str, ...]:
    """Firmware gives rows as they come; elsewhere there is memory for a frame."""
    return () if commands.kind_of(target).suffix == ".elf" and target.sram else project.frame_files


def _headers_digest(project: ProjectSources, target: Target) -> bytes:
    """One digest of every header a source could include."""
    folders = [*project.include_folders, *commands.system_folders(target)]
    if target.board:
        folders.append(resources.path(f"targets/{target.board}"))
    headers = sorted({header for folder in folders for header in folder.rglob("*.h")})
    digest = hashlib.sha256()
    for header in headers:
        digest.update(header.name.encode() + header.read_bytes())
    return digest.digest()


def _compile_all(
    units: Sequence[_Unit], toolchain: Toolchain, folder: Path, headers: bytes
) -> list[Path]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda unit: _compile(unit, toolchain, folder, headers), units))
    failures = [result for result in results if isinstance(result, Diagnostic)]
    if failures:
        raise EdgeError(*failures)
    return [result for result in results if isinstance(result, Path)]


def _compile(unit: _Unit, toolchain: Toolchain, folder: Path, headers: bytes) -> Path | Diagnostic:
    """The object of a source, compiled unless an equal one is there."""
    parts = [toolchain.version, *toolchain.command, *unit.flags, unit.label]
    digest = hashlib.sha256("\0".join(parts).encode() + headers + unit.source.read_bytes())
    stem = unit.label.replace("/", "_")
    finished = folder / f"{stem}-{digest.hexdigest()[:16]}.o"
    if finished.is_file():
        return finished
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / finished.name
        command = [*toolchain.command, *unit.flags, "-c", str(unit.source), "-o", str(made)]
        output = _output_of_failure(command)
        if output is not None:
            return _failure(f"{toolchain.name} could not compile {unit.label}", command, output)
        os.replace(made, finished)
    return finished


def _link(
    project: ProjectSources,
    target: Target,
    toolchain: Toolchain,
    objects: Sequence[Path],
    path: Path,
) -> None:
    exports = tuple(f"{project.name}_{part}" for part in project.functions) + project.exports
    before, after = commands.link_flags(target, toolchain.name, exports)
    script = _link_scripts(target, path, exports)
    inputs = [str(file) for file in objects]
    command = [*toolchain.command, *before, *script, *inputs, *after, "-o", str(path)]
    output = _output_of_failure(command)
    if output is not None:
        raise _does_not_fit(output, target) or EdgeError(
            _failure(f"{toolchain.name} could not link {path.name}", command, output)
        )


def _link_scripts(target: Target, path: Path, exports: tuple[str, ...]) -> tuple[str, ...]:
    """What the linker reads beside objects, written next to the program."""
    file = path.with_suffix(".ld")
    if target.sram:
        file.write_text(commands.linker_script(target), encoding="utf-8")
        return (f"-Wl,-T,{file}",)
    if commands.kind_of(target).hides:
        file.write_text(commands.version_script(exports), encoding="utf-8")
        return (f"-Wl,--version-script={file}", f"-Wl,-soname,{path.name}")
    return ()


def _output_of_failure(command: Sequence[str]) -> str | None:
    """What a command printed if it failed, None if it succeeded."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {_COMPILE_TIMEOUT_S} s"
    return None if done.returncode == 0 else done.stdout + done.stderr


def _failure(title: str, command: Sequence[str], output: str) -> Diagnostic:
    lines = output.strip().splitlines()[-_OUTPUT_LINES:]
    return Diagnostic("E0402", title, notes=(f"command: {' '.join(command)}", *lines))


def _does_not_fit(output: str, target: Target) -> EdgeError | None:
    """The linker's overflow messages as bytes that are missing in each memory."""
    missing: dict[str, int] = {}
    for region, overflow in _OVERFLOW.findall(output):
        missing[region] = max(missing.get(region, 0), int(overflow))
    if not missing:
        return None
    sizes = {"SRAM": target.sram, "FLASH": target.flash}
    return EdgeError(
        *(
            Diagnostic(
                "E0310",
                f"program needs {overflow:,} B more {region} than {target.name} has "
                f"({memory.length:,} B)"
                if (memory := sizes.get(region))
                else f"program overflows {region} by {overflow:,} B",
                notes=(f"{target.stack:,} B of SRAM are reserved for the stack",)
                if region == "SRAM"
                else (),
            )
            for region, overflow in sorted(missing.items())
        )
    )
