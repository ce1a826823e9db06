"""What `edge run --train` does: a stream of labelled samples teaches the built program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir.types import Array
from edge.runners import runner_for
from edge.target import load_target
from edge.workflow.project import open_project
from edge.workflow.samples import as_samples, dequantize
from edge.workflow.train import TrainingBench, read_samples, step_of

_WINDOWS = 10
"""Points of a curve, unless a window is asked for."""


@dataclass(frozen=True)
class Window:
    """Means over the samples first <= i < end, each taken before the step that learns from it.

    `accuracy` is None for squared errors.
    """

    first: int
    end: int
    loss: float
    accuracy: float | None


@dataclass(frozen=True)
class LearningCurve:
    """How a program did on a stream while it learned from it."""

    target: str
    runner: str
    samples: int
    windows: tuple[Window, ...]

    def to_json(self) -> dict[str, Any]:
        """The object that `edge run --train --json` prints, less the envelope."""
        return {
            "target": self.target, "runner": self.runner, "samples": self.samples,
            "windows": [vars(window) for window in self.windows],
        }  # fmt: skip


def learn(
    out: str | Path,
    data: str | Path | tuple[Array, Array],
    *,
    window: int | None = None,
    on: str | None = None,
    toolchain: str | None = None,
) -> LearningCurve:
    """Build an exported folder that trains, and train it on a stream, one step a sample in order.

    `data` is an .npz with x [N, ...] and y, or the two arrays: y holds classes [N], or targets
    [N, ...] in the type of the output or float32 for squared errors. `window` is the number of
    samples of a point of the curve, a tenth of the stream by default.
    Raises EdgeError E0003 if the folder does not train, E0005 for samples that do not fit it,
    E0018 for a class that it does not have; nothing is then built or run.
    """
    project = open_project(out)
    step = step_of(project)
    *ports, wanted = project.plan["inputs"]
    x, y = read_samples(data)
    is_classes = step.settings.loss == "cross_entropy"
    score = project.plan["outputs"][0]
    count = int(np.prod(score["shape"]))
    targets = _classes(y, count) if is_classes else as_samples(y, wanted)
    inputs = [as_samples(x, ports[0]), targets]
    bench = TrainingBench(project, on, toolchain)
    result = bench.run(bench.program(scores_only=True), inputs)
    scores = dequantize(result.outputs[0].view(np.int8), score).reshape(len(x), count)
    found = _by_class(scores, targets) if is_classes else _by_target(scores, targets, score)
    runner = runner_for(load_target(project.target), on).name
    return LearningCurve(project.target, runner, len(x), tuple(_windows(*found, window)))


def _classes(y: Array, count: int) -> npt.NDArray[np.int32]:
    """[N, 1] of y [N] or [N, 1]."""
    if y.ndim not in (1, 2) or y.size != len(y):
        raise fail("E0005", f"y has shape {list(y.shape)}", help=["give one class a sample: [N]"])
    if not np.issubdtype(y.dtype, np.integer):
        raise fail("E0005", f"y holds {y.dtype}", help=["give classes as integers"])
    flat = y.reshape(-1).astype(np.int64)
    wrong = np.nonzero((flat < 0) | (flat >= count))[0]
    if len(wrong):
        raise fail(
            "E0018", f"sample {wrong[0]} is of class {flat[wrong[0]]}; there are {count}",
            notes=[f"{len(wrong)} of {len(y)} labels are none"], help=[f"classes 0 to {count - 1}"],
        )  # fmt: skip
    return flat.astype(np.int32)[:, None]


_Losses = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_] | None]


def _by_class(scores: npt.NDArray[np.float32], classes: Array) -> _Losses:
    """Cross-entropies, and whether the largest score is the class's."""
    wide = scores.astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    labels = classes.reshape(-1)
    chosen = wide[np.arange(len(wide)), labels]
    return np.log(np.exp(wide).sum(1)) - chosen, scores.argmax(1) == labels


def _by_target(scores: npt.NDArray[np.float32], targets: Array, port: Mapping[str, Any]) -> _Losses:
    difference = scores - dequantize(targets, port).reshape(scores.shape)
    return np.mean(difference.astype(np.float64) ** 2, 1), None


def _windows(
    losses: npt.NDArray[np.float64], right: npt.NDArray[np.bool_] | None, size: int | None
) -> list[Window]:
    count = size or max(1, -(-len(losses) // _WINDOWS))
    found = []
    for first in range(0, len(losses), count):
        end = min(first + count, len(losses))
        accuracy = None if right is None else float(right[first:end].mean())
        found.append(Window(first, end, float(losses[first:end].mean()), accuracy))
    return found
