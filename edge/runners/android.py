"""Runs shared libraries for Android in QEMU's user mode, under a small loader.

The loader (targets/android-loader) does with the library what Android's dynamic linker would do,
and then what the runner main of a Linux program does. It is compiled on first use into the user's
cache.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge import resources
from edge.errors import EdgeError, fail
from edge.runners.plugin import cache_folder
from edge.runners.qemu import plugin_arguments
from edge.runners.qemu_user import QemuUserRunner
from edge.target import load_target
from edge.toolchains import Program, commands, find_toolchain

_COMPILE_TIMEOUT_S = 300
_LOADED = ("linux/start.c", "linux/system.c", "linux/memory.c", "linux/samples.c",
           "android-loader/library.c", "android-loader/main.c")  # fmt: skip


@dataclass(frozen=True)
class AndroidRunner(QemuUserRunner):
    """Runs libraries of the android-arm64 target."""

    def command(self, emulator: str, program: Program, plugin: Path | None) -> list[str]:
        """How the emulator is called on a library, to be run in the folder of input.bin."""
        project, loader = program.project, android_loader()
        counting = plugin_arguments(plugin, loader) if plugin else []
        sizes = [",".join(map(str, tensors)) for tensors in (project.inputs, project.outputs)]
        library = str(program.path.resolve())
        arguments = [library, project.name, str(project.arena), *sizes]
        arguments += ["reset"] if project.has_states else []
        return [emulator, "-cpu", self.target.machine, *counting, str(loader), *arguments]


def android_loader() -> Path:
    """The loader as a program for aarch64. Raises EdgeError: E0401 no compiler, E0402 it fails."""
    target = load_target("aarch64")
    toolchain = find_toolchain(None, target)
    sources = [resources.path(f"targets/{file}") for file in _LOADED]
    folders = dict.fromkeys(source.parent for source in sources)
    headers = [header for folder in folders for header in sorted(folder.glob("*.h"))]
    flags = commands.compile_flags(target, toolchain.name, board=True)
    before, after = commands.link_flags(target, toolchain.name, ())
    digest = hashlib.sha256("\0".join([toolchain.version, *toolchain.command, *flags]).encode())
    for file in (*sources, *headers):
        digest.update(file.read_bytes())
    loader = cache_folder() / f"android-loader-{digest.hexdigest()[:16]}.elf"
    if not loader.is_file():
        includes = [f"-I{folder}" for folder in folders]
        inputs = [str(source) for source in sources]
        _compile([*toolchain.command, *flags, *before, *includes, *inputs, *after], loader)
    return loader


def _compile(command: list[str], loader: Path) -> None:
    loader.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: another process may compile the same loader.
    with tempfile.TemporaryDirectory(dir=loader.parent) as folder:
        made = Path(folder) / loader.name
        done = subprocess.run(
            [*command, "-o", str(made)],
            capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise _failure(command, done.stderr)
        os.replace(made, loader)


def _failure(command: list[str], output: str) -> EdgeError:
    return fail(
        "E0402",
        "the loader for Android libraries could not be compiled",
        notes=[f"command: {' '.join(command)}", *output.splitlines()[-5:]],
    )
