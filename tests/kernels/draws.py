"""What the property tests draw: shapes, data with extremes, quantizations with extremes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from hypothesis import strategies as st

from edge.ir import Quantization
from edge.ir.types import INTEGER_ROUNDINGS

from .host import address_sanitizer_is_loaded

PROPERTY = settings(
    max_examples=20 if address_sanitizer_is_loaded() else 80,
    derandomize=True,
    database=None,
    deadline=None,
)
"""The same examples in every run."""

Int8s = npt.NDArray[np.int8]
Rng = np.random.Generator

rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
roundings = st.sampled_from(INTEGER_ROUNDINGS)
activations = st.sampled_from(("none", "relu", "relu6", "relu_n1_to_1"))
zero_points = st.one_of(st.sampled_from((-128, 0, 127)), st.integers(-128, 127))
scales = st.floats(-8.0, 1.0).map(lambda power: float(np.float32(2.0**power)))
kinds = st.sampled_from(("random", "random", "lowest", "highest", "extremes"))
quantizations = st.builds(Quantization.per_tensor, scales, zero_points)


def int8s(rng: Rng, kind: str, shape: Sequence[int], lowest: int = -128) -> Int8s:
    """Values from `lowest` to 127: random, all the lowest, all 127, or a mixture of these two."""
    if kind == "random":
        return rng.integers(lowest, 128, shape, np.int8)
    ends = {"lowest": [lowest], "highest": [127], "extremes": [lowest, 127]}[kind]
    return rng.choice(np.array(ends, np.int8), shape)


def weight_quantization(
    rng: Rng, given: Quantization, made: Quantization, channels: int, axis: int, per_channel: bool
) -> Quantization:
    """Scales with which an accumulator unit is 2**-16 to 2 output units."""
    count = channels if per_channel else 1
    unit = 2.0 ** rng.uniform(-16.0, 1.0) * 2.0 ** rng.uniform(-2.0, 0.0, count)
    scale = (unit * made.scale[0] / given.scale[0]).astype(np.float32)
    return Quantization(tuple(map(float, scale)), (0,) * count, axis if count > 1 else None)


def bias(
    rng: Rng,
    kind: str,
    weights: Int8s,
    axis: int,
    quantizations: tuple[Quantization, Quantization, Quantization],
) -> npt.NDArray[np.int32]:
    """Biases of 0, of ordinary size, or as large as sums that must fit int32 allow.

    `quantizations` are those of input, weight and output.
    """
    given, weight, made = quantizations
    others = tuple(i for i in range(weights.ndim) if i != axis)
    magnitude = np.abs(weights.astype(np.int64)).sum(others)
    unit = max(weight.scale) * given.scale[0] / made.scale[0]
    most = 2.0**31 / 2.0 ** max(math.frexp(unit)[1], 0) - 512
    room = np.maximum(most - 256 * magnitude.max() - 1, 0)
    ordinary = 128 * 64 * np.sqrt(weights.size / weights.shape[axis])
    spread = {"none": 0.0, "ordinary": min(ordinary, room), "extreme": room}[kind]
    signs = rng.choice(np.array([-1.0, 1.0]), len(magnitude))
    sizes = spread if kind == "extreme" else spread * rng.random(len(magnitude))
    biases: npt.NDArray[np.float64] = signs * sizes
    return biases.astype(np.int32)


bias_kinds = st.sampled_from(("none", "ordinary", "ordinary", "extreme"))


@st.composite
def padded_window(
    draw: st.DrawFn, kernel: int, dilation: int, most_padding: int
) -> tuple[int, int, int, int]:
    """(size, stride, before, after) of an axis in which the dilated kernel fits at least once."""
    span = (kernel - 1) * dilation + 1
    before = draw(st.integers(0, most_padding))
    after = draw(st.integers(0, most_padding))
    size = draw(st.integers(max(1, span - before - after), span + 6))
    return size, draw(st.integers(1, 3)), before, after


def last_rows(rows: int, stride: int, before: int, span: int) -> list[int]:
    """The last input row under the window of each output row."""
    return [y * stride - before + span - 1 for y in range(rows)]


def assert_same(made: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert made.shape == expected.shape
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made, expected)
