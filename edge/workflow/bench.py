"""Measuring an exported folder: instructions or time, RAM, flash and stack, whole and per layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.runners import Result
from edge.toolchains import Program, sizes
from edge.workflow.project import open_project
from edge.workflow.workbench import Workbench


@dataclass(frozen=True)
class Benchmark:
    """What was measured. `instructions` is exact under QEMU and None where only time is known.

    ram: static (.data + .bss less the arena), arena, stack (painted high-water mark), total;
    flash: code, constants (with the image of .data), total; both empty on the host.
    `arena_watermark` is the highest arena byte ever written plus one.
    """

    target: str
    runner: str
    toolchain: str
    instructions: int | None
    time_us: float | None
    ram: Mapping[str, int]
    flash: Mapping[str, int]
    layers: Sequence[Mapping[str, Any]]
    arena_watermark: int | None

    def to_json(self) -> dict[str, Any]:
        """The object that `edge bench --json` prints, less the envelope."""
        return {
            "target": self.target,
            "runner": self.runner,
            "toolchain": self.toolchain,
            "instructions": self.instructions,
            "time_us": self.time_us,
            "ram": dict(self.ram),
            "flash": dict(self.flash),
            "layers": list(self.layers),
            "arena_watermark": self.arena_watermark,
        }


def bench(out: str | Path, *, on: str | None = None, toolchain: str | None = None) -> Benchmark:
    """Build an exported folder, run its stored vectors and measure.

    Two programs are built: a plain one for the totals and one with marks between layers.
    Raises EdgeError if it cannot be built or run.
    """
    project = open_project(out)
    workbench = Workbench(project, on, toolchain)
    inputs = project.stored_inputs()
    program = workbench.program()
    whole = workbench.run(program, inputs, count=True)
    stages = workbench.run(workbench.program(profile=True), inputs, count=True)
    arena = int(project.plan["arena"])
    return Benchmark(
        project.target,
        workbench.runner.name,
        workbench.toolchain_name,
        whole.instructions,
        whole.time_us,
        _ram(program, whole, arena),
        _flash(program, whole),
        _layers(project.plan["layers"], stages),
        whole.arena_watermark,
    )


def _ram(program: Program, result: Result, arena: int) -> dict[str, int]:
    if result.stack is None:
        return {}
    static = sizes(program).static_ram
    return {
        "static": static - arena,
        "arena": arena,
        "stack": result.stack,
        "total": static + result.stack,
    }


def _flash(program: Program, result: Result) -> dict[str, int]:
    if result.stack is None:
        return {}
    image = sizes(program)
    return {
        "code": image.code,
        "constants": image.flash - image.code,
        "total": image.flash,
    }


def _layers(layers: Sequence[Mapping[str, Any]], result: Result) -> list[dict[str, Any]]:
    """Measured cost by layer. Operators of one fused stage share it: it is shown with the last."""
    last = {layer["stage"]: layer["name"] for layer in layers}
    return [
        {
            "name": layer["name"],
            "op": layer["op"],
            "kernel": layer["kernel"],
            "macs": layer["macs"],
            "instructions": _share(layer, last, result.stage_instructions),
            "time_us": _share(layer, last, result.stage_time_us),
        }
        for layer in layers
    ]


def _share(
    layer: Mapping[str, Any], last: Mapping[int, str], measured: Sequence[float] | None
) -> float | None:
    if measured is None:
        return None
    return measured[layer["stage"]] if last[layer["stage"]] == layer["name"] else 0
