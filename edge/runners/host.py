"""Runs models on this machine, as a shared library in a separate process."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import EdgeError, fail
from edge.ir.types import Array
from edge.runners.result import Result, outputs_of, report_of, samples_of
from edge.target import Target
from edge.toolchains import Program, ProjectSources

_REPEATS = 20
_PROCESS = Path(__file__).with_name("host_process.py")


@dataclass(frozen=True)
class HostRunner:
    """Runs programs of the host target: times, but neither instructions nor stack."""

    target: Target
    timeout_s: float = 600.0
    name: str = "host"

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample. Raises EdgeError: E0014 wrong sizes, E0404 too slow, E0510 crash."""
        samples = samples_of(program.project, inputs)
        with tempfile.TemporaryDirectory(prefix="edge-host-") as folder:
            (Path(folder) / "input.bin").write_bytes(samples.tobytes())
            printed = self._execute(program, folder, _REPEATS if count else 0)
            content = (Path(folder) / "output.bin").read_bytes()
        outputs = outputs_of(program.project, content, len(samples))
        return _timed(
            Result(outputs, arena_watermark=report_of(printed).get("arena")), program, printed
        )

    def _execute(self, program: Program, folder: str, repeats: int) -> str:
        command = [sys.executable, "-P", str(_PROCESS), *_arguments(program), str(repeats)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise fail("E0404", f"host run stopped after {self.timeout_s:g} s") from error
        if done.returncode != 0:
            raise _crash(program.project, done.returncode, done.stderr)
        return done.stdout


def _arguments(program: Program) -> list[str]:
    project = program.project
    sizes = [",".join(map(str, tensors)) for tensors in (project.inputs, project.outputs)]
    return [str(program.path.resolve()), project.name, str(project.arena), *sizes]


def _timed(result: Result, program: Program, printed: str) -> Result:
    """The result with the times of the edge-ns line."""
    line = printed.strip().splitlines()[-1]
    times = [int(ns) / 1000 for ns in line.removeprefix("edge-ns").split()]
    if not times:
        return result
    stages = tuple(times[1:]) if program.profile else None
    return replace(result, time_us=sum(times), stage_time_us=stages)


def _crash(project: ProjectSources, status: int, output: str) -> EdgeError:
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return fail(
        "E0510", f"{project.name} crashed on the host: {how}", notes=output.splitlines()[-5:]
    )
