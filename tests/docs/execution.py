"""Runs the fences of a page in one folder and one Python namespace, and keeps what they print.

`edge ...` runs in this process, so that torch is imported once for all pages; other commands run
in bash.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from edge.cli import cli
from edge.cli.outcome import run as run_edge
from edge.errors import EdgeError
from tests.docs.pages import Fence

_COMMAND_TIMEOUT_S = 120
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Outcome:
    """What a fence printed, and the exit status of its last command or the error's."""

    output: str
    status: int


@dataclass
class Session:
    """A reader at work: a folder, and the names that Python fences have defined so far."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def run(self, fence: Fence) -> Outcome:
        """Execute one fence; a `file` fence is only written."""
        if name := fence.flags.get("file"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(fence.code)
            return Outcome("", 0)
        printed = io.StringIO()
        with _inside(self.folder), _printing_to(printed):
            runner = {"python": self._python, "sh": self._shell}[fence.language]
            status = runner(fence.code)
        return Outcome(printed.getvalue(), status)

    def _python(self, code: str) -> int:
        try:
            exec(compile(code, "<page>", "exec"), self.names)
        except EdgeError as error:
            print(error)
            return error.exit_status
        except Exception:
            traceback.print_exc()
            return 70
        return 0

    def _shell(self, code: str) -> int:
        status = 0
        for line in code.replace("\\\n", " ").splitlines():
            for command in line.split("&&"):
                status = self._command(command.strip())
                if status:
                    return status
        return status

    def _command(self, command: str) -> int:
        words = shlex.split(command, comments=True)
        settings = [word.split("=", 1) for word in takewhile(_ASSIGNMENT.match, words)]
        words = words[len(settings) :]
        if words[:1] == ["edge"]:
            os.environ.update(
                (name, value.replace("$PWD", os.getcwd())) for name, value in settings
            )
            return run_edge(cli, words[1:])
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=_COMMAND_TIMEOUT_S, check=False, env=_environment(),
        )  # fmt: skip
        print(done.stdout, end="")
        return done.returncode


def _environment() -> dict[str, str]:
    """`python` in a page is the Python of the tests, with few threads."""
    binaries = str(Path(sys.executable).parent)
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder, importing from it; what was imported from there is forgotten after."""
    before, path, modules = Path.cwd(), list(sys.path), dict(sys.modules)
    environment = dict(os.environ)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)
        _restore(modules, folder)


def _restore(modules: dict[str, Any], folder: Path) -> None:
    """Undo what a page did to the table of modules, but keep libraries that it imported."""
    for name, module in list(sys.modules.items()):
        home = getattr(module, "__file__", None) or ""
        if name not in modules and home.startswith(str(folder)):
            del sys.modules[name]
    sys.modules.update(modules)


@contextlib.contextmanager
def _printing_to(stream: io.StringIO) -> Iterator[None]:
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield
