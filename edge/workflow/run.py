"""Running an exported folder on the user's own inputs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.ir.types import Array
from edge.workflow.project import open_project
from edge.workflow.samples import as_samples, dequantize
from edge.workflow.workbench import Workbench


def run(
    out: str | Path,
    inputs: Sequence[Array],
    *,
    on: str | None = None,
    toolchain: str | None = None,
    dequantized: bool = False,
) -> list[Array]:
    """Outputs [N, ...] of the built program for inputs [N, ...] or [N, flat].

    float32 inputs are quantized by the model's own parameters. Outputs have the model's type, or
    are float32 if `dequantized`. Raises EdgeError E0005 for inputs that do not fit the model.
    """
    bench = Workbench(open_project(out), on, toolchain)
    ports = bench.project.plan["inputs"]
    if len(inputs) != len(ports):
        raise fail("E0005", f"{len(inputs)} inputs given, {bench.project.name} takes {len(ports)}")
    fed = [as_samples(data, port) for data, port in zip(inputs, ports, strict=True)]
    if len({len(port) for port in fed}) != 1:
        raise fail("E0005", f"inputs have {[len(port) for port in fed]} samples")
    outputs = bench.outputs(bench.run(bench.program(), fed))
    if not dequantized:
        return outputs
    made = bench.project.plan["outputs"]
    return [dequantize(data, port) for data, port in zip(outputs, made, strict=True)]


def run_files(
    out: Path,
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    *,
    on: str | None = None,
    toolchain: str | None = None,
    dequantize: bool = False,
) -> dict[str, Any]:
    """`run` on .npy files; outputs appear whole or not at all."""
    project = open_project(out)
    if len(outputs) != len(project.plan["outputs"]):
        raise fail(
            "E0005", f"{len(outputs)} output files given, {project.name} has "
            f"{len(project.plan['outputs'])} outputs",
        )  # fmt: skip
    read = [_read(path) for path in inputs]
    made = run(out, read, on=on, toolchain=toolchain, dequantized=dequantize)
    for path, data in zip(outputs, made, strict=True):
        _write(path, data)
    runner = Workbench(project, on, toolchain).runner.name
    written = [str(path) for path in outputs]
    return {
        "target": project.target,
        "runner": runner,
        "samples": len(made[0]),
        "outputs": written,
    }


def _read(path: Path) -> Array:
    try:
        data: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise fail("E0005", f"cannot read {path} as .npy", notes=[str(error)]) from error
    if not isinstance(data, np.ndarray) or data.ndim < 1:
        raise fail("E0005", f"{path} does not hold one array of samples", help=["use numpy.save"])
    return data


def _write(path: Path, data: Array) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as staged:
        np.save(staged, data, allow_pickle=False)
    os.chmod(staged.name, 0o644)
    os.replace(staged.name, path)
