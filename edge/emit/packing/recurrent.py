"""Layouts of the matrices of recurrent operators, by kernel: weights and biases of a projection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.emit.packing import dsp
from edge.ir.types import Array
from edge.quantization.recurrent import Projection

Packed = tuple[Array, npt.NDArray[np.int32]]


def _plain(projection: Projection) -> Packed:
    return projection.weights.reshape(-1), projection.bias


def _quads(projection: Projection) -> Packed:
    return dsp.quads(projection.weights), dsp.quad_starts(projection.bias)


PACKERS: dict[str, Callable[[Projection], Packed]] = {
    "ref/gru_s8": _plain,
    "ref/lstm_s8": _plain,
    "dsp/gru_s8": _quads,
    "dsp/lstm_s8": _quads,
}
