"""Runs models as WebAssembly in Node, in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import fail
from edge.ir.types import Array
from edge.runners.javascript import read_result, write_job
from edge.runners.result import Result, samples_of
from edge.target import Target
from edge.toolchains import Program

_MAIN = Path(__file__).with_name("node_main.mjs")
_NOTED_LINES = 5


@dataclass(frozen=True)
class NodeRunner:
    """Runs programs of a wasm target: times (medians of many runs), no counts."""

    target: Target
    timeout_s: float = 300.0
    name: str = "node"

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample.

        Raises EdgeError: E0014 wrong sizes, E0403 no Node, E0404 too slow or broken, E0405 no SIMD,
        E0510 trap.
        """
        samples = samples_of(program.project, inputs)
        with tempfile.TemporaryDirectory(prefix="edge-node-") as name:
            folder = Path(name)
            write_job(folder, program, samples, count)
            self._execute(folder)
            return read_result(folder, program, len(samples), "Node")

    def _execute(self, folder: Path) -> None:
        command = [_node(), str(_MAIN), str(folder)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise fail("E0404", f"Node stopped after {self.timeout_s:g} s") from error
        if not (folder / "report.json").is_file():
            notes = done.stderr.strip().splitlines()[-_NOTED_LINES:]
            raise fail("E0404", f"Node ended with status {done.returncode}", notes=notes)


def _node() -> str:
    found = shutil.which("node") or shutil.which("nodejs")
    if found is None:
        raise fail("E0403", "node is not installed", help=["apt-get install nodejs"])
    return found
