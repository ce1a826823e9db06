"""Requantization in float32 equals that in integers wherever it says that it is proven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.quantization.channels import accumulators, scaled
from edge.quantization.constants import Weighted
from edge.quantization.requantize import (
    Form,
    Requantize,
    fixed_multiplier,
    normalized_multiplier,
)
from edge.quantization.simd128_float import FRACTION_BITS, FloatScale, float_scale

Int64s = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Int8s = np.ndarray[tuple[int, ...], np.dtype[np.int8]]


def layer(
    rng: np.random.Generator,
    form: Form,
    scale: float,
    *,
    channels: int = 8,
    taps: int = 16,
    zero_point: int = -128,
    minimum: int = -128,
) -> tuple[Weighted, Int8s]:
    """A layer whose channels have scales near `scale`."""
    scales = scale * rng.uniform(0.5, 1.0, channels)
    constants = normalized_multiplier if form is Form.TWICE else fixed_multiplier
    multiplier, shift = constants(scales)
    requantize = Requantize(multiplier, shift, form, zero_point, minimum, 127)
    weights = rng.integers(-127, 128, (channels, taps)).astype(np.int8)
    bias = rng.integers(-3000, 3001, channels).astype(np.int32)
    return Weighted(requantize, bias, 0), weights


def found(weighted: Weighted, weights: Int8s) -> FloatScale:
    return float_scale(weighted, weights, np.arange(len(weights)))


def formula(scale: FloatScale, channel: int, accumulator: Int64s, weighted: Weighted) -> Int64s:
    """What the kernels compute, instruction by instruction."""
    sums = (accumulator - weighted.bias[channel]).astype(np.int32)
    raised = (sums << FRACTION_BITS) + scale.bias[channel].astype(np.int32)
    rounded = raised.astype(np.float32) * scale.scale[channel] + scale.offset[channel]
    stored = (rounded.view(np.int32) - np.int32(0x4B400000)).astype(np.int64)
    return stored.clip(weighted.requantize.minimum, weighted.requantize.maximum)


def reference(channel: int, accumulator: Int64s, weighted: Weighted) -> Int64s:
    requantize = weighted.requantize
    one = replace(
        requantize, multiplier=requantize.multiplier[channel], shift=requantize.shift[channel]
    )
    return scaled(one, accumulator) + requantize.zero_point


def assert_equal_everywhere(weighted: Weighted, weights: Int8s) -> FloatScale:
    """Every accumulator that the channel can have, up to a million of them."""
    scale = found(weighted, weights)
    for channel in np.flatnonzero(scale.proven):
        low, high = (int(bound[channel]) for bound in accumulators(weighted, weights))
        step = max((high - low) // 1_000_000, 1)
        every = np.append(np.arange(low, high, step), high)
        made = formula(scale, int(channel), every, weighted)
        np.testing.assert_array_equal(made, reference(int(channel), every, weighted))
    return scale


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("exponent", [-4, -6, -8])
def test_channels_behind_relu_are_proven_and_equal_for_all_accumulators(
    form: Form, exponent: int
) -> None:
    rng = np.random.default_rng(exponent + 20)
    weighted, weights = layer(rng, form, 2.0**exponent, channels=48)
    assert assert_equal_everywhere(weighted, weights).proven.mean() >= 0.9


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    form=st.sampled_from(Form),
    exponent=st.floats(-24, 1),
    zero_point=st.integers(-128, 127),
    minimum=st.integers(-128, 126),
    taps=st.integers(1, 40),
)
def test_what_is_proven_is_equal(
    seed: int, form: Form, exponent: float, zero_point: int, minimum: int, taps: int
) -> None:
    weighted, weights = layer(
        np.random.default_rng(seed), form, 2.0**exponent,
        channels=2, taps=taps, zero_point=zero_point, minimum=minimum,
    )  # fmt: skip
    assert_equal_everywhere(weighted, weights)


def test_scales_that_are_powers_of_two_meet_their_ties() -> None:
    rng = np.random.default_rng(3)
    for form, exponent in ((f, e) for f in Form for e in range(-10, -2)):
        weighted, weights = layer(rng, form, 1.0)
        multiplier = np.full(8, 1 << 30, np.int32)
        shift = np.full(8, exponent + 1, np.int8)
        scale = replace(weighted.requantize, multiplier=multiplier, shift=shift)
        assert_equal_everywhere(replace(weighted, requantize=scale), weights)


def test_a_channel_with_one_output_is_proven_whatever_its_scale() -> None:
    weighted, weights = layer(np.random.default_rng(5), Form.TWICE, 2.0**-8)
    weights = np.zeros_like(weights)
    for multiplier, shift in ((0, 0), (1 << 30, -31), ((1 << 31) - 1, 0)):
        scale = replace(
            weighted.requantize,
            multiplier=np.full(8, multiplier, np.int32),
            shift=np.full(8, shift, np.int8),
        )
        assert assert_equal_everywhere(replace(weighted, requantize=scale), weights).proven.all()


def test_two_roundings_of_outputs_of_both_signs_are_left_to_integers() -> None:
    weighted, weights = layer(np.random.default_rng(6), Form.TWICE, 2.0**-7, zero_point=0)
    assert not found(weighted, weights).proven.any()


def test_sums_too_large_for_the_fraction_bits_are_left_to_integers() -> None:
    weighted, weights = layer(np.random.default_rng(7), Form.ONCE, 2.0**-16, taps=1024)
    assert not found(replace(weighted, bias=weighted.bias + (1 << 24)), weights).proven.any()


def test_constants_a_little_off_differ_somewhere() -> None:
    """The proof is not vacuous: a scale or a bias that is hardly wrong is wrong for some sum."""
    weighted, weights = layer(np.random.default_rng(8), Form.TWICE, 2.0**-5)
    scale = found(weighted, weights)
    assert scale.proven.all()
    off = (
        replace(scale, scale=scale.scale * np.float32(1 + 2.0**-13)),
        replace(scale, bias=scale.bias + 16),
        replace(scale, bias=scale.bias - 16),
    )
    for wrong, channel in ((w, c) for w in off for c in range(8)):
        low, high = (int(bound[channel]) for bound in accumulators(weighted, weights))
        every = np.arange(low, high + 1)
        made = formula(wrong, channel, every, weighted)
        assert (made != reference(channel, every, weighted)).any()
