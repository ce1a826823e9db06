"""An exported folder becomes a program and a runner: what verify, bench and run share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from edge.emit.project import emit
from edge.ir.types import Array
from edge.planning import plan
from edge.reference import run_batch
from edge.runners import CHOOSING, Result, Runner, runner_for
from edge.target import Target, load_target
from edge.toolchains import Program, Toolchain, build, find_toolchain
from edge.workflow.project import Project, write_project


@dataclass(frozen=True)
class Workbench:
    """A project with the runner and compiler that were asked for.

    `on` names a runner (the target's own by default), `compiler` a toolchain.
    """

    project: Project
    on: str | None = None
    compiler: str | None = None

    @cached_property
    def target(self) -> Target:
        """The target the project was exported for, with the budgets it was exported with."""
        memory = self.project.report["memory"]
        budgets = {region: memory[f"{region}_budget"] or None for region in ("sram", "flash")}
        return load_target(self.project.target).with_memory(**budgets)

    @cached_property
    def runner(self) -> Runner:
        return runner_for(self.target, self.on)

    @cached_property
    def toolchain(self) -> Toolchain:
        return find_toolchain(self.compiler, self.runner.target)

    def program(self, profile: bool = False) -> Program:
        """Build the project for the runner.

        Where the runner's CPU cannot execute the target's kernels (host and wasmtime for a
        Cortex-M export), the same graph is planned and emitted for the runner's own target.
        """
        target = self.runner.target
        own = target.kernels == self.target.kernels
        folder = self.project.path if own else retarget(self.project, target)
        program = build(folder, target, self.toolchain, profile=profile)
        return replace(program, baseline=self._baseline(target, profile))

    def _baseline(self, target: Target, profile: bool) -> Program | None:
        """The same graph for engines that lack the target's instructions."""
        if not target.baseline or self.runner.name not in CHOOSING:
            return None
        other = load_target(target.baseline)
        return build(retarget(self.project, other), other, self.toolchain, profile=profile)

    def run(self, program: Program, inputs: Sequence[Array], count: bool = False) -> Result:
        """Run the program on samples [N, ...] of each input; `count` measures it too."""
        return self.runner.run(program, inputs, count=count)

    def outputs(self, result: Result) -> list[Array]:
        """The raw bytes of a result as typed arrays [N, ...]."""
        ports = self.project.plan["outputs"]
        return [
            np.ascontiguousarray(raw).view(port["dtype"]).reshape(len(raw), *port["shape"][1:])
            for raw, port in zip(result.outputs, ports, strict=True)
        ]

    @property
    def toolchain_name(self) -> str:
        return f"{self.toolchain.name} {self.toolchain.version}"


def retarget(project: Project, target: Target) -> Path:
    """Write the project's graph for another target, inside the project's build folder."""
    inputs = project.stored_inputs()
    outputs = run_batch(project.graph, inputs)
    folder = project.path / "build" / f"for-{target.name}"
    planning = project.report["planning"]
    planned = plan(
        project.graph,
        target,
        streamed=planning["input"] == "rows",
        smallest=planning["smallest"],
    )
    files = emit(project.graph, planned, (inputs, outputs))
    write_project(folder, files)
    return folder
