"""The emulator plugin that counts instructions, compiled on first use into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from edge import resources
from edge.errors import fail
from edge.target import load_target
from edge.toolchains.toolchain import compiler_command

_COMPILE_TIMEOUT_S = 300


def counting_plugin() -> Path:
    """The plugin as a shared library. Raises EdgeError (E0405) if it cannot be compiled."""
    source = resources.path("targets/qemu/insn.c")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    library = cache_folder() / f"insn-{digest}.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        _compile(source, library)
    return library


def cache_folder() -> Path:
    """Where what runners compile is kept for all projects."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "edge"


def _compile(source: Path, library: Path) -> None:
    compiler = _compiler()
    # Renamed when complete: another process may compile the same plugin.
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        command = [*compiler, "-O2", "-shared", "-fPIC", str(source), "-o", str(made)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise fail(
                "E0405",
                "the plugin that counts instructions could not be compiled",
                notes=[f"command: {' '.join(command)}", *done.stderr.splitlines()[-5:]],
            )
        os.replace(made, library)


def _compiler() -> tuple[str, ...]:
    native = shutil.which("cc")
    command = (native,) if native else compiler_command("zig", load_target("host"))
    if not command:
        raise fail(
            "E0405",
            "no compiler for the plugin that counts instructions",
            help=["apt-get install gcc libc6-dev", "pip install ziglang==0.17.1"],
        )
    return command
