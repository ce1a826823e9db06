"""Convolution, depthwise convolution and fully connected layers equal LiteRT's in every bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.frontends.tflite import load_tflite
from edge.ir import Rounding
from edge.reference import run_batch
from tests.frontends.tflite_builder import Tensor, constant
from tests.reference.oracle import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
    activation,
    assert_agrees,
    bias_like,
    int8s,
    single_operator,
    weights,
)

SAMPLES = 3


def spread_scale(in_scale: float, weight_scale: float, terms: int) -> float:
    """An output scale that spreads sums of `terms` random products over the int8 range."""
    return in_scale * weight_scale * 73 * 73 * terms**0.5 / 60


def channel_scales(rng: np.random.Generator, channels: int) -> list[float]:
    return [float(s) for s in np.exp(rng.uniform(np.log(0.004), np.log(0.012), channels))]


def sliding(stride: tuple[int, int], dilation: tuple[int, int], padding: int) -> dict[str, Any]:
    return {
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "padding": padding,
    }


def out_size(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    span = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - span) // stride + 1


CONVOLUTIONS = [
    # input, kernel, out channels, stride, dilation, padding, activation
    ((9, 7, 3), (3, 3), 8, (1, 1), (1, 1), SAME, 0),
    ((10, 10, 4), (3, 3), 5, (2, 2), (1, 1), SAME, RELU),
    ((8, 9, 6), (1, 1), 12, (1, 1), (1, 1), VALID, RELU6),
    ((12, 11, 2), (3, 2), 7, (1, 2), (2, 3), SAME, 0),
    ((13, 8, 1), (5, 4), 6, (3, 1), (1, 1), VALID, RELU_N1_TO_1),
    ((6, 6, 16), (6, 6), 10, (1, 1), (1, 1), VALID, 0),
]


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("per_channel", [True, False])
def test_conv2d(case: Any, per_channel: bool) -> None:
    (height, width, in_c), kernel, out_c, stride, dilation, padding, fused = case
    rng = np.random.default_rng(out_c * 2 + per_channel)
    scales = channel_scales(rng, out_c) if per_channel else [0.008]
    x = activation(rng, "x", (1, height, width, in_c), 0.05)
    out_h = out_size(height, kernel[0], stride[0], dilation[0], padding)
    out_w = out_size(width, kernel[1], stride[1], dilation[1], padding)
    scale = spread_scale(0.05, 0.008, kernel[0] * kernel[1] * in_c)
    y = activation(rng, "y", (1, out_h, out_w, out_c), scale)
    filters = constant("w", weights(rng, out_c, *kernel, in_c), scale=scales)
    bias = bias_like(rng, out_c, [0.05 * s for s in scales])
    options = {**sliding(stride, dilation, padding), "fusedActivationFunction": fused}
    file = single_operator("CONV_2D", (x,), y, (filters, bias), options)
    assert_agrees(file, int8s(rng, SAMPLES, height, width, in_c), varied=fused != RELU_N1_TO_1)


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    """A window that fits its input, for convolutions of any shape."""
    kernel, stride = (draw(st.tuples(st.integers(1, 5), st.integers(1, 5))) for _ in range(2))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [draw(st.integers(s, s + 9)) for s in span]
    return {
        "size": size, "kernel": kernel, "stride": stride, "dilation": dilation,
        "padding": draw(st.sampled_from([SAME, VALID])),
        "in_c": draw(st.integers(1, 9)), "out": draw(st.integers(1, 9)),
        "seed": draw(st.integers(0, 2**16)),
    }  # fmt: skip


@given(geometries(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_windows_of_any_geometry(case: dict[str, Any], depthwise: bool) -> None:
    """`out` is the number of output channels, or of filters for each channel."""
    rng = np.random.default_rng(case["seed"])
    (height, width), kernel, in_c = case["size"], case["kernel"], case["in_c"]
    out_c = in_c * case["out"] if depthwise else case["out"]
    axes = zip((height, width), kernel, case["stride"], case["dilation"], strict=True)
    out = [out_size(*axis, case["padding"]) for axis in axes]
    scales = channel_scales(rng, out_c)
    terms = kernel[0] * kernel[1] * (1 if depthwise else in_c)
    x = activation(rng, "x", (1, height, width, in_c), 0.05)
    y = activation(rng, "y", (1, *out, out_c), spread_scale(0.05, 0.008, terms))
    shape = (1, *kernel, out_c) if depthwise else (out_c, *kernel, in_c)
    filters = constant("w", weights(rng, *shape), scale=scales, axis=3 if depthwise else 0)
    bias = bias_like(rng, out_c, [0.05 * s for s in scales])
    options = sliding(case["stride"], case["dilation"], case["padding"])
    if depthwise:
        options["depthMultiplier"] = case["out"]
    op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    file = single_operator(op, (x,), y, (filters, bias), options)
    assert_agrees(file, int8s(rng, 1, height, width, in_c), varied=False)


DEPTHWISE = [
    # input, kernel, channel multiplier, stride, dilation, padding, activation
    ((9, 7, 8), (3, 3), 1, (1, 1), (1, 1), SAME, 0),
    ((10, 12, 5), (3, 3), 1, (2, 2), (1, 1), SAME, RELU6),
    ((8, 9, 3), (3, 3), 4, (1, 1), (1, 1), SAME, RELU),
    ((11, 10, 1), (5, 2), 6, (2, 2), (1, 1), VALID, 0),
    ((14, 13, 4), (3, 3), 2, (1, 1), (2, 3), SAME, 0),
    ((7, 5, 16), (7, 5), 1, (1, 1), (1, 1), VALID, 0),
]


@pytest.mark.parametrize("case", DEPTHWISE)
def test_depthwise_conv2d(case: Any) -> None:
    (height, width, channels), kernel, multiplier, stride, dilation, padding, fused = case
    rng = np.random.default_rng(height * width)
    out_c = channels * multiplier
    scales = channel_scales(rng, out_c)
    x = activation(rng, "x", (1, height, width, channels), 0.05)
    out_h = out_size(height, kernel[0], stride[0], dilation[0], padding)
    out_w = out_size(width, kernel[1], stride[1], dilation[1], padding)
    scale = spread_scale(0.05, 0.008, kernel[0] * kernel[1])
    y = activation(rng, "y", (1, out_h, out_w, out_c), scale)
    filters = constant("w", weights(rng, 1, *kernel, out_c), scale=scales, axis=3)
    bias = bias_like(rng, out_c, [0.05 * s for s in scales])
    options = {
        **sliding(stride, dilation, padding),
        "depthMultiplier": multiplier,
        "fusedActivationFunction": fused,
    }
    file = single_operator("DEPTHWISE_CONV_2D", (x,), y, (filters, bias), options)
    assert_agrees(file, int8s(rng, SAMPLES, height, width, channels))


def fully_connected(
    seed: int, features: int, units: int, weight_scale: Any, fused: int = 0, out_scale: float = 0.0
) -> tuple[bytes, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    x = activation(rng, "x", (1, features), 0.05)
    scale = out_scale or spread_scale(0.05, 0.008, features)
    y = activation(rng, "y", (1, units), scale)
    filters = constant("w", weights(rng, units, features), scale=weight_scale)
    bias = bias_like(rng, units, (0.05 * np.asarray(weight_scale)).tolist())
    options = {"fusedActivationFunction": fused}
    file = single_operator("FULLY_CONNECTED", (x,), y, (filters, bias), options)
    return file, int8s(rng, 200, features)


@pytest.mark.parametrize("seed", range(6))
def test_fully_connected_with_one_scale(seed: int) -> None:
    fused = (0, RELU, RELU6)[seed % 3]
    file, x = fully_connected(seed, 5 + 31 * seed, 40, [0.0081], fused)
    assert_agrees(file, x)


@pytest.mark.parametrize("seed", range(6))
def test_fully_connected_with_a_scale_for_each_channel(seed: int) -> None:
    scales = channel_scales(np.random.default_rng(seed), 40)
    file, x = fully_connected(seed, 7 + 29 * seed, 40, scales, (0, RELU, RELU6)[seed % 3])
    assert_agrees(file, x)


@pytest.mark.parametrize("bits", [3, 6, 9])
def test_fully_connected_rounds_halves_away_from_zero(bits: int) -> None:
    """Scales whose ratio is a power of two put every second sum onto a half."""
    rng = np.random.default_rng(bits)
    x = Tensor("x", (1, 4), scale=0.5, zero_point=0)
    y = Tensor("y", (1, 64), scale=0.25 * 2.0**bits, zero_point=0)
    filters = constant("w", rng.integers(-3, 4, (64, 4)).astype(np.int8), scale=[0.5])
    file = single_operator("FULLY_CONNECTED", (x,), y, (filters, bias_like(rng, 64, [0.25], 300)))
    assert_agrees(file, int8s(rng, 200, 4), varied=False)


def test_fully_connected_of_tflm_differs_from_litert_by_one_at_most() -> None:
    file, x = fully_connected(1, 60, 40, [0.0081])
    (litert,) = run_batch(load_tflite(file), [x])
    (tflm,) = run_batch(load_tflite(file, rounding=Rounding.TFLM), [x])
    difference = np.abs(litert.astype(int) - tflm.astype(int))
    assert difference.max() == 1
    assert difference.mean() < 0.05


def test_channels_whose_scale_vanishes_give_the_zero_point() -> None:
    """Pruned channels of trained models: no weights, a tiny scale and a huge bias."""
    rng = np.random.default_rng(0)
    x = activation(rng, "x", (1, 4, 4, 3), 0.05)
    y = Tensor("y", (1, 4, 4, 2), scale=0.1, zero_point=-7)
    data = weights(rng, 2, 1, 1, 3)
    data[0] = 0
    filters = constant("w", data, scale=[1e-13, 0.008])
    bias = constant("bias", np.array([2**30 - 1, 10], np.int32), scale=[5e-15, 4e-4])
    file = single_operator("CONV_2D", (x,), y, (filters, bias), sliding((1, 1), (1, 1), VALID))
    assert_agrees(file, int8s(rng, 2, 4, 4, 3))
