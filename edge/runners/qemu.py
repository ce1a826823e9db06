"""Runs firmware in qemu-system-arm and counts its instructions with a plugin.

The firmware reads input.bin, writes output.bin and prints one line (targets/mps2/main.c). The
plugin notes the number of instructions executed so far at every call of edge_mark: before the
model, at each stage of a profile program, and after the model.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge.errors import Diagnostic, EdgeError, fail
from edge.ir.types import Array
from edge.runners.emulator_age import too_old
from edge.runners.fault import FAULT_STATUS, fault_error
from edge.runners.plugin import counting_plugin
from edge.runners.result import Bytes, Result, outputs_of, report_of, samples_of
from edge.target import Target
from edge.toolchains import Program
from edge.toolchains.sizes import function_symbols, sizes

_PACKAGES = {"qemu-system-arm": "qemu-system-arm"}
# The call of edge_mark and its return lie between two snapshots and are not the model's.
_MARK_INSTRUCTIONS = 2
# Bytes of code memory of the MPS2 boards in QEMU (ZBT SSRAM 1).
_CODE_MEMORY = dict.fromkeys(("mps2-an385", "mps2-an386", "mps2-an500"), 4 << 20)
# A process takes about 40 ms to start; fewer samples are not worth another one.
_SAMPLES_PER_PROCESS = 4


@dataclass(frozen=True)
class QemuRunner:
    """Runs programs of a target on its emulated board."""

    target: Target
    timeout_s: float = 600.0
    name: str = "qemu"

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample; with `count` the first one under the plugin, or a whole sequence.

        Raises EdgeError: E0014 wrong sizes, E0403 no emulator, E0404 emulator failed or too slow,
        E0409 a program larger than the emulated board, E0410 an emulator without the board,
        E0311, E0312, E0510 as the firmware's fault report says.
        """
        emulator = find_emulator(self.target)
        _require_room(program)
        samples = samples_of(program.project, inputs)
        plugin, diagnostics = _plugin() if count else (None, ())
        counted = [samples[:1]] if plugin else []
        if program.project.has_states:
            jobs = [(samples, plugin)]
        else:
            jobs = [(part, plugin) for part in counted]
            jobs += [(part, None) for part in _parts(samples[len(counted) :])]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda job: self._process(emulator, program, *job), jobs))
        merged = _merged(results)
        return replace(merged, diagnostics=(*diagnostics, *merged.diagnostics))

    def _process(
        self, emulator: str, program: Program, samples: Bytes, plugin: Path | None
    ) -> Result:
        with tempfile.TemporaryDirectory(prefix="edge-qemu-") as name:
            folder = Path(name)
            (folder / "input.bin").write_bytes(samples.tobytes())
            done = self._execute(self.command(emulator, program, plugin), folder)
            if plugin and _refused(done):
                return replace(
                    self._process(emulator, program, samples, None),
                    diagnostics=(_no_counts(done.stderr),),
                )
            if done.returncode != 0:
                refused = too_old(self.target, emulator, done.stderr)
                raise refused or self.failure(program, done)
            report = report_of(done.stdout)
            result = Result(
                outputs_of(program.project, (folder / "output.bin").read_bytes(), len(samples)),
                stack=report.get("stack"),
                arena_watermark=report.get("arena"),
            )
            return _counted(result, program, folder, len(samples)) if plugin else result

    def command(self, emulator: str, program: Program, plugin: Path | None) -> list[str]:
        """How the emulator is called on a program, to be run in the folder of input.bin."""
        command = [emulator, "-M", self.target.machine, "-kernel", str(program.path.resolve())]
        command += ["-nographic", "-monitor", "none", "-serial", "none"]
        command += ["-chardev", "stdio,id=console"]
        command += ["-semihosting-config", "enable=on,target=native,chardev=console"]
        return command + (plugin_arguments(plugin, program.path) if plugin else [])

    def failure(self, program: Program, done: subprocess.CompletedProcess[str]) -> EdgeError:
        """The error for a program that did not end with exit status 0."""
        if done.returncode == FAULT_STATUS:
            return fault_error(program, done.stdout)
        return emulator_failure(program, done)

    def _execute(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise fail("E0404", f"emulator stopped after {self.timeout_s:g} s") from error


def _require_room(program: Program) -> None:
    """The emulated boards have less code memory than a budget of the user's may allow."""
    board = _CODE_MEMORY.get(program.target.machine)
    needed = sizes(program).flash
    if board and needed > board:
        raise fail(
            "E0409",
            f"the program has {needed:,} B of flash; the emulated {program.target.machine} has "
            f"{board:,} B",
            help=["--on host runs it, without counts"],
        )


def find_emulator(target: Target) -> str:
    """Path of the target's emulator. Raises EdgeError (E0403) naming the package it comes in."""
    found = shutil.which(target.emulator)
    if not found:
        package = _PACKAGES.get(target.emulator, "qemu-user")
        raise fail(
            "E0403",
            f"{target.emulator}, the emulator of {target.name}, is not installed",
            help=[f"apt-get install {package}", "or verify with --on host"],
        )
    return found


def _plugin() -> tuple[Path | None, tuple[Diagnostic, ...]]:
    try:
        return counting_plugin(), ()
    except EdgeError as error:
        return None, tuple(replace(found, severity="warning") for found in error.diagnostics)


def _parts(samples: Bytes) -> list[Bytes]:
    """The samples in as many parts as there are processors, none of them too small."""
    wanted = min(os.cpu_count() or 1, len(samples) // _SAMPLES_PER_PROCESS)
    return [part for part in np.array_split(samples, max(1, wanted)) if len(part)]


def _merged(results: Sequence[Result]) -> Result:
    outputs = [np.concatenate(parts) for parts in zip(*(r.outputs for r in results), strict=True)]
    stacks = [result.stack for result in results if result.stack is not None]
    arenas = [result.arena_watermark for result in results if result.arena_watermark is not None]
    return replace(
        results[0],
        outputs=outputs,
        stack=max(stacks, default=None),
        arena_watermark=max(arenas, default=None),
    )


def _counted(result: Result, program: Program, folder: Path, samples: int) -> Result:
    """The result with counts of the first call, from the plugin's snapshots."""
    snapshots = [int(line) for line in (folder / "counts.txt").read_text().split()]
    calls = samples + 1  # the first sample runs twice, see painted_run in main.c
    marks = snapshots[: len(snapshots) // calls]
    if len(marks) < 2:
        return replace(result, diagnostics=(_no_counts("edge_mark was not executed"),))
    parts = [b - a - _MARK_INSTRUCTIONS for a, b in pairwise(marks)]
    stages = tuple(parts[1:]) if program.profile else None
    each = _of_each_call(snapshots, calls)[1:] if program.project.has_states else None
    return replace(
        result, instructions=sum(parts), stage_instructions=stages, sample_instructions=each
    )


def _of_each_call(snapshots: Sequence[int], calls: int) -> tuple[int, ...]:
    """Instructions between the first and the last mark of each call."""
    marks = len(snapshots) // calls
    ends = zip(snapshots[::marks], snapshots[marks - 1 :: marks], strict=True)
    return tuple(last - first - _MARK_INSTRUCTIONS * (marks - 1) for first, last in ends)


def plugin_arguments(plugin: Path, program: Path) -> list[str]:
    """Arguments that make the emulator write its counts at each call of edge_mark.

    Raises EdgeError (E0404) for a program without symbols.
    """
    marks = [start for start, _, name in function_symbols(program) if name == "edge_mark"]
    if not marks:
        raise fail("E0404", f"{program.name} has no symbol edge_mark", help=["link with -g"])
    mark = marks[0]
    return ["-plugin", f"{plugin},mark={mark:#x},out=counts.txt"]


def _refused(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether the emulator did not start because of the plugin."""
    return done.returncode == 1 and "plugin" in done.stderr.lower() and not done.stdout


def _no_counts(reason: str) -> Diagnostic:
    return Diagnostic(
        "E0405",
        "instructions were not counted: the emulator does not take the plugin",
        notes=tuple(reason.strip().splitlines()[-3:]),
        help=("plugin API 1 is needed: QEMU 4.2 to 8, Debian 12 has 7.2",),
        severity="warning",
    )


def emulator_failure(program: Program, done: subprocess.CompletedProcess[str]) -> EdgeError:
    """The error for an emulator that failed without a report of the program."""
    return fail(
        "E0404",
        f"emulator of {program.target.name} failed with exit status {done.returncode}",
        notes=(done.stdout + done.stderr).strip().splitlines()[-8:],
    )
