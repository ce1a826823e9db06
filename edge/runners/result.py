"""What every runner takes and gives: samples as arrays, a Result of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from edge.errors import Diagnostic, fail
from edge.ir.types import Array
from edge.target import Target
from edge.toolchains import Program, ProjectSources

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_REPORT = re.compile(r"^edge-run (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What a run gave.

    `outputs` has the raw bytes, uint8 [N, bytes], of each model output. `instructions` are those
    of the call of the first sample (fuel under wasmtime), `stage_instructions` the same for each
    stage of a profile program, `sample_instructions` those of the call of each sample of a model
    with states; instructions are not cycles. `time_us` and `stage_time_us` are times
    of the same on this machine's clock: the shortest on the host, medians in Node and browsers.
    `stack` is the deepest use of the stack in bytes while the model ran, `arena_watermark` one past
    the highest byte of the arena that was written. None where the runner cannot tell; `diagnostics`
    then say why.
    """

    outputs: list[Bytes]
    instructions: int | None = None
    stage_instructions: tuple[int, ...] | None = None
    sample_instructions: tuple[int, ...] | None = None
    time_us: float | None = None
    stage_time_us: tuple[float, ...] | None = None
    stack: int | None = None
    arena_watermark: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class Runner(Protocol):
    """Runs programs that were built for `target`."""

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> Target: ...

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample: one array [N, ...] per model input, in the model's own dtypes.

        `count` asks for instructions or time, which take longer. Raises EdgeError.
        """
        ...


def samples_of(project: ProjectSources, inputs: Sequence[Array]) -> Bytes:
    """uint8 [N, bytes of all inputs]: what input.bin holds.

    Raises EdgeError (E0014) if the arrays do not have the model's sizes.
    """
    if len(inputs) != len(project.inputs):
        raise fail("E0014", f"{project.name} has {len(project.inputs)} inputs, got {len(inputs)}")
    counts = {len(array) if array.ndim else 0 for array in inputs}
    if len(counts) != 1 or counts == {0}:
        raise fail("E0014", f"inputs need the same number of samples, at least 1: {counts}")
    sizes = zip(inputs, project.inputs, strict=True)
    return np.concatenate([_rows(array, size) for array, size in sizes], axis=1)


def _rows(array: Array, size: int) -> Bytes:
    found = array[0].nbytes
    if found != size:
        raise fail(
            "E0014", f"a sample has {found} bytes ({array.dtype}{array.shape[1:]}), needs {size}"
        )
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)


def outputs_of(project: ProjectSources, content: bytes, samples: int) -> list[Bytes]:
    """Split what output.bin holds into one array per model output.

    Raises EdgeError (E0404) if the program wrote less than it should.
    """
    total = sum(project.outputs)
    if len(content) != samples * total:
        raise fail("E0404", f"program wrote {len(content)} bytes of output, not {samples * total}")
    rows = np.frombuffer(content, np.uint8).reshape(samples, total)
    return np.split(rows, np.cumsum(project.outputs)[:-1], axis=1)


def report_of(output: str) -> dict[str, int]:
    """The numbers of the edge-run line, {} if the program printed none."""
    line = _REPORT.search(output)
    return parse_pairs(line.group(1)) if line else {}


def parse_pairs(text: str) -> dict[str, int]:
    """{"a": 1} from "a=1"."""
    return {key: int(value) for key, value in (pair.split("=") for pair in text.split())}
