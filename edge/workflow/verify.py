"""Verification: the built program against the reference, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import Diagnostic, fail
from edge.ir.types import Array
from edge.workflow.project import Project, open_project
from edge.workflow.samples import concatenate, random_inputs
from edge.workflow.workbench import Workbench


@dataclass(frozen=True)
class Verification:
    """The outcome: how many output values were compared, how many differ and by how much."""

    target: str
    runner: str
    reference: str
    samples: int
    values: int
    mismatches: int
    max_abs_diff: float
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return self.mismatches == 0

    def to_json(self) -> dict[str, Any]:
        """The object that `edge verify --json` prints, less the envelope."""
        return {
            "ok": self.ok,
            "target": self.target,
            "runner": self.runner,
            "reference": self.reference,
            "samples": self.samples,
            "values": self.values,
            "mismatches": self.mismatches,
            "max_abs_diff": self.max_abs_diff,
            "diagnostics": self.diagnostics,
        }


def verify(
    out: str | Path,
    *,
    on: str | None = None,
    toolchain: str | None = None,
    samples: int = 4,
    reference: str = "numpy",
    inputs: Sequence[Array] | None = None,
) -> Verification:
    """Build an exported folder, run it and compare every output with the reference.

    Runs the stored test vectors and random inputs, `samples` in all, or the given `inputs`; for a
    model with states they are one sequence, after a reset
    ([N, ...] each). `on` is a runner: "host", "qemu", "wasmtime"; `reference` is "numpy" or
    "litert" (.tflite models only). Raises EdgeError if it cannot be built or run.
    """
    project = open_project(out)
    fed = list(inputs) if inputs is not None else verification_inputs(project, samples)
    expected = reference_outputs(project, fed, reference)
    bench = Workbench(project, on, toolchain)
    actual = bench.outputs(bench.run(bench.program(), fed))
    return compare(bench, reference, expected, actual)


def verification_inputs(project: Project, count: int) -> list[Array]:
    """The stored vectors first, then random inputs, `count` samples in all.

    A stored sequence is never cut: what a model with states remembers shows only along it.
    """
    stored = project.stored_inputs()
    count = max(count, len(stored[0])) if project.graph.states else count
    more = random_inputs(project.graph, max(count - len(stored[0]), 0), "verify")
    return [port[:count] for port in concatenate([stored, more])]


def reference_outputs(project: Project, inputs: Sequence[Array], reference: str) -> list[Array]:
    """Outputs [N, ...] of the numpy interpreter or of LiteRT's reference kernels."""
    if reference == "litert":
        return _litert_outputs(project, inputs)
    from edge.reference import run_batch

    return list(run_batch(project.graph, inputs))


def _litert_outputs(project: Project, inputs: Sequence[Array]) -> list[Array]:
    from edge.reference.litert import run_litert

    model = project.tflite()
    if model is None:
        raise fail(
            "E0006", f"{project.name} was not made from a .tflite file, so LiteRT cannot run it",
            help=["--reference numpy"],
        )  # fmt: skip
    return run_litert(model, inputs)


def compare(
    bench: Workbench, reference: str, expected: Sequence[Array], actual: Sequence[Array]
) -> Verification:
    """Count the values whose bits differ, and say where the first one is."""
    pairs = [(e.reshape(a.shape), a) for e, a in zip(expected, actual, strict=True)]
    mismatches = sum(int(np.count_nonzero(differing(e, a))) for e, a in pairs)
    return Verification(
        bench.project.target,
        bench.runner.name,
        reference,
        len(actual[0]),
        sum(a.size for a in actual),
        mismatches,
        max(_largest_difference(e, a) for e, a in pairs),
        _first_mismatch(bench.project, expected, actual) if mismatches else (),
    )


def differing(expected: Array, actual: Array) -> npt.NDArray[np.bool_]:
    """Where two arrays of one shape and type differ in a bit; NaN equals every NaN."""
    one, other = (np.ascontiguousarray(a).view(f"u{a.dtype.itemsize}") for a in (expected, actual))
    # NaN is the only value that differs from itself.
    return np.asarray((one != other) & ((expected == expected) | (actual == actual)))


def _largest_difference(expected: Array, actual: Array) -> float:
    unequal = differing(expected, actual)
    a, e = (x[unequal].astype(np.float64) for x in (actual, expected))
    return float(np.abs(a - e).max(initial=0.0))


def _first_mismatch(
    project: Project, expected: Sequence[Array], actual: Sequence[Array]
) -> tuple[Diagnostic, ...]:
    for port, e, a in zip(project.plan["outputs"], expected, actual, strict=True):
        if len(places := np.argwhere(differing(e.reshape(a.shape), a))):
            at = tuple(int(i) for i in places[0])
            return (
                Diagnostic(
                    "E0501",
                    f"output {port['name']} differs in {len(places)} of {a.size} values",
                    f"sample {at[0]}, index {list(at[1:])}: got {a[at]}, expected "
                    f"{e.reshape(a.shape)[at]}",
                    help=(
                        "edge verify --on host tells whether the target's compiler is the cause",
                    ),
                ),
            )
    return ()
