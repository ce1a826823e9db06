"""Requantization alone, over all of int32: a linear layer without inputs outputs its bias."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from edge.emit.c_text import ConstArray, Field, Symbol
from edge.emit.descriptors import Descriptor
from edge.quantization.fixed_point import once, twice
from edge.quantization.requantize import Form

from .draws import PROPERTY, Rng, assert_same, rngs, zero_points
from .host import GuardedBytes, Kernels, rows_of

CHANNELS = 512
FORMULA = {Form.ONCE: once, Form.TWICE: twice}


def _layer(
    accumulators: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.int64],
    form: Form,
    zero_point: int,
    minimum: int,
) -> Descriptor:
    arrays = (
        ConstArray("weights", np.zeros(1, np.int8)),
        ConstArray("bias", accumulators.astype(np.int32)),
        ConstArray("multiplier", multipliers.astype(np.int32)),
        ConstArray("shift", shifts.astype(np.int8)),
    )
    requantize: dict[str, Field] = {a.name: Symbol(a.name) for a in arrays[1:]}
    requantize |= {
        "per_channel": 1,
        "rounding": Symbol(f"EDGE_ROUND_{form.upper()}"),
        "zero_point": zero_point,
        "minimum": minimum,
        "maximum": 127,
    }
    fields: dict[str, Field] = {"weights": Symbol("weights"), "requantize": requantize}
    fields |= {"pixels": 1, "in_c": 0, "out_c": len(accumulators)}
    return Descriptor("edge_linear", fields, arrays)


def _requantized(kernels: Kernels, layer: Descriptor, count: int) -> npt.NDArray[np.int8]:
    out = GuardedBytes(count)
    kernels.call("linear_s8", layer, [rows_of(np.zeros(1, np.int8))], 0, out.inside)
    out.check()
    return out.inside.view(np.int8)


def _accumulators(rng: Rng) -> npt.NDArray[np.int64]:
    """Every magnitude, with the ends of int32 and both sides of zero and of powers of two."""
    spread = rng.integers(-(2**31), 2**31, CHANNELS) >> rng.integers(0, 31, CHANNELS)
    ends = np.array([0, 1, -1, 2**31 - 1, -(2**31), 2**30, -(2**30)])
    powers = rng.choice(np.array([-1, 1]), 64) << rng.integers(0, 31, 64)
    chosen = np.concatenate([ends, powers, powers + 1, powers - 1])
    return np.concatenate([chosen, spread])[:CHANNELS]


@PROPERTY
@given(
    rng=rngs,
    form=st.sampled_from(Form),
    zero_point=zero_points,
    lowest_shift=st.sampled_from((-31, -12, -3)),
)
def test_any_accumulator_and_multiplier(
    kernels: Kernels, rng: Rng, form: Form, zero_point: int, lowest_shift: int
) -> None:
    accumulators = _accumulators(rng)
    ends = np.array([0, 1, 2**29, 2**30 - 1, 2**30, 2**31 - 1])
    multipliers = np.where(
        rng.random(CHANNELS) < 0.3, rng.choice(ends, CHANNELS), rng.integers(0, 2**31, CHANNELS)
    )
    # A left shift keeps the accumulator within int32, as the constants guarantee.
    room = 30 - np.ceil(np.log2(np.abs(accumulators) + 1.0)).astype(np.int64)
    shifts = np.minimum(rng.integers(lowest_shift, 31, CHANNELS), np.maximum(room, 0))
    minimum = int(rng.choice(np.array([-128, zero_point])))
    layer = _layer(accumulators, multipliers, shifts, form, zero_point, minimum)
    scaled = FORMULA[form](accumulators, multipliers, shifts)
    expected = np.clip(scaled + zero_point, minimum, 127).astype(np.int8)
    assert_same(_requantized(kernels, layer, CHANNELS), expected)


@PROPERTY
@given(rng=rngs, form=st.sampled_from(Form), right=st.integers(1, 31))
def test_ties_of_every_shift(kernels: Kernels, rng: Rng, form: Form, right: int) -> None:
    """Odd multiples of half an output unit, for a multiplier of 1/2."""
    steps = rng.integers(-140, 140, CHANNELS)
    accumulators = np.clip((2 * steps + 1) << (right - 1), -(2**31), 2**31 - 1)
    multipliers = np.full(CHANNELS, 2**30)
    shifts = np.full(CHANNELS, 1 - right)
    layer = _layer(accumulators, multipliers, shifts, form, 3, -128)
    expected = np.clip(FORMULA[form](accumulators, multipliers, shifts) + 3, -128, 127)
    assert_same(_requantized(kernels, layer, CHANNELS), expected.astype(np.int8))
