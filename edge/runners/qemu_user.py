"""Runs Linux programs of another architecture in QEMU's user mode and counts their instructions.

The program reads input.bin, writes output.bin and prints one line (targets/linux/samples.c), as
firmware does; the same plugin counts. `Target.machine` is the CPU that is emulated, the oldest one
that has the target's instructions: it traps the others.
"""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError, fail
from edge.runners.qemu import QemuRunner, emulator_failure, plugin_arguments
from edge.toolchains import Program

_MISSING_FEATURE_STATUS = 98  # of targets/linux/process.h
_MISSING_FEATURE = re.compile(r"^edge-cpu lacks (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class QemuUserRunner(QemuRunner):
    """Runs programs of an aarch64 or armv7a target."""

    name: str = "qemu-user"

    def command(self, emulator: str, program: Program, plugin: Path | None) -> list[str]:
        """How the emulator is called on a program, to be run in the folder of input.bin."""
        path = program.path.resolve()
        counting = plugin_arguments(plugin, path) if plugin else []
        return [emulator, "-cpu", self.target.machine, *counting, str(path)]

    def failure(self, program: Program, done: subprocess.CompletedProcess[str]) -> EdgeError:
        """E0408 for instructions that the CPU lacks, E0510 for a crash, E0404 for the rest."""
        missing = _MISSING_FEATURE.search(done.stdout)
        if done.returncode == _MISSING_FEATURE_STATUS and missing:
            return _lacks(program, self.target.machine, f"the feature {missing.group(1)}")
        if done.returncode == -signal.SIGILL:
            return _lacks(program, self.target.machine, "an instruction")
        if done.returncode < 0:
            how = signal.Signals(-done.returncode).name
            return fail(
                "E0510",
                f"{program.project.name} crashed on {self.target.name}: {how}",
                notes=[f"{program.target.stack:,} B are reserved for the stack"],
            )
        return emulator_failure(program, done)


def _lacks(program: Program, cpu: str, what: str) -> EdgeError:
    return fail(
        "E0408",
        f"{program.project.name} needs {what} that {cpu} does not have",
        notes=[f"it was built for {program.target.name}"],
        help=["export it for a target without this feature, such as aarch64"],
    )
