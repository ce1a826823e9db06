"""Builds the firmware of an application around an exported model, and runs it in QEMU on files.

The board's start-up code, linker script and semihosting are those that `edge verify` uses.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edge.errors import fail
from edge.runners.fault import FAULT_STATUS
from edge.runners.plugin import counting_plugin
from edge.runners.qemu import QemuRunner, find_emulator, plugin_arguments
from edge.target import Target
from edge.toolchains import Program, Toolchain, commands, find_toolchain
from edge.toolchains.sizes import sizes
from edge.toolchains.sources import ProjectSources, load_sources

HERE = Path(__file__).resolve().parent
_TIMEOUT_S = 300
_MARK_INSTRUCTIONS = 2  # the call of edge_mark and its return
_STACK = re.compile(r"^stack (\d+) B$", re.MULTILINE)


@dataclass(frozen=True)
class Sources:
    """What is compiled beside the board's files, and where its headers are."""

    files: tuple[Path, ...]
    includes: tuple[Path, ...]


@dataclass(frozen=True)
class Run:
    """What a run printed, the file that was to be kept, and instructions by part: from each mark to
    the next, in turn."""

    lines: tuple[str, ...]
    stack: int
    instructions: tuple[int, ...] = ()
    kept: bytes = b""


def build(export: Path, sources: Sources, target: Target, toolchain: str | None = None) -> Program:
    """Compile and link an application with the model in `export`, into its folder.

    Raises EdgeError: E0003 if the folder is no export, E0401 without a compiler, E0402 if compiling
    or linking fails.
    """
    model = load_sources(export)
    files = (*(model.path / file for file in model.files), *sources.files)
    both = Sources(files, (*model.include_folders, *sources.includes))
    folder = export / "build" / f"firmware-{target.name}"
    return link(model, both, target, find_toolchain(toolchain, target), folder)


def link(
    model: ProjectSources, sources: Sources, target: Target, toolchain: Toolchain, folder: Path
) -> Program:
    """Compile and link all sources with the board's files. Raises EdgeError E0402."""
    folder.mkdir(parents=True, exist_ok=True)
    board = [path for path in commands.board_sources(target) if path.name != "main.c"]
    units = [*((path, False) for path in (*sources.files, HERE / "board" / "mark.c")),
             *((path, True) for path in board)]  # fmt: skip
    folders = [*sources.includes, HERE / "board", *(path.parent for path in board[:1])]
    includes = [f"-I{path}" for path in folders]
    includes += [f"-isystem{path}" for path in commands.system_folders(target)]

    def compiled(number: int) -> str:
        source, is_board = units[number]
        made = folder / f"{number}-{source.stem}.o"
        flags = [*commands.compile_flags(target, toolchain.name, board=is_board), *includes]
        _call([*toolchain.command, *flags, "-c", str(source), "-o", str(made)], source.name)
        return str(made)

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, range(len(units))))
    path = folder / "firmware.elf"
    script = path.with_suffix(".ld")
    script.write_text(commands.linker_script(target), encoding="utf-8")
    before, after = commands.link_flags(target, toolchain.name, ())
    scripted = [*before, f"-Wl,-T,{script}"]
    _call([*toolchain.command, *scripted, *objects, *after, "-o", str(path)], path.name)
    return Program(path, model, target, toolchain)


def _call(command: Sequence[str], what: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise fail("E0402", f"could not build {what}", notes=done.stderr.splitlines()[-12:])


def run(
    program: Program, files: Mapping[str, bytes], *, count: bool = False, keep: str = ""
) -> Run:
    """Run the firmware in a folder with these files, to its end. `keep` names a file it writes.

    Raises EdgeError: E0403 without the emulator, E0404 if the program fails (the message is what it
    printed), E0405 if `count` is set and the plugin cannot be had.
    """
    emulator = find_emulator(program.target)
    runner = QemuRunner(program.target)
    plugin = counting_plugin() if count else None
    command = runner.command(emulator, program, None)
    if plugin:
        command += plugin_arguments(plugin, program.path)
    with tempfile.TemporaryDirectory(prefix="edge-firmware-") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        counts = (folder / "counts.txt").read_text().split() if plugin else []
        kept = (folder / keep).read_bytes() if keep and done.returncode == 0 else b""
    if done.returncode == FAULT_STATUS:
        raise runner.failure(program, done)
    if done.returncode:
        raise fail("E0404", "the firmware stopped", notes=done.stdout.strip().splitlines()[-8:])
    stack = _STACK.search(done.stdout)
    lines = tuple(line for line in done.stdout.splitlines() if line and not _STACK.match(line))
    parts = tuple(b - a - _MARK_INSTRUCTIONS for a, b in pairwise(map(int, counts)))
    return Run(lines, int(stack[1]) if stack else 0, parts, kept)


def ram(program: Program, finished: Run) -> dict[str, int]:
    """Bytes of RAM: static (.data and .bss, with the arena), painted stack, total."""
    static = sizes(program).static_ram
    return {"static": static, "stack": finished.stack, "total": static + finished.stack}


def flash(program: Program) -> int:
    """Bytes of flash: code, constants and the image of .data."""
    return sizes(program).flash
