"""The portable depthwise kernel for kernel patterns equals the numpy reference in every byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Rounding
from edge.sparsity.patterns import KernelPattern
from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.dsp_graphs import Int8s, Spec, random_weights, weighted
from tests.emulators.sparse_cases import case, end_case, extreme_weights

KERNEL = "ref/depthwise_conv2d_sparse_s8"
ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)


def patterned(weights: Int8s, sparsity: float) -> Int8s:
    """The pattern that `edge prune --pattern kernel` gives int8[1, kernel_h, kernel_w, out_c]."""
    rows = weights.reshape(-1, weights.shape[-1]).T
    mask = KernelPattern().mask(np.abs(rows[:, :, None].astype(np.float32)), sparsity)
    return np.where(mask[:, :, 0].T.reshape(weights.shape), weights, np.int8(0))


def layers() -> Iterator[Case]:
    """Patterns, channel counts, strides; channels that are empty, full, and all at their ends."""
    rng = np.random.default_rng(4)
    for (size, channels), stride, rounding in product(
        ((3, 1), (3, 7), (3, 16), (5, 6), (7, 3)), ((1, 1), (2, 2)), ROUNDINGS
    ):
        weight = patterned(random_weights((1, size, size, channels), rng), 0.55)
        attrs = {"stride": stride, "padding": (size // 2,) * 4}
        spec = Spec(rounding, zero_point=11)
        graph = weighted("depthwise_conv2d", (1, 6, 7, channels), weight, spec, rng, attrs)
        yield case(f"{size}x{size} of {channels}, {stride} {rounding}", graph, KERNEL, rng)
    for kept, value in product((0, 4, 9), (-128, 127)):
        weight = extreme_weights((1, 3, 3, 5), rng, -128)
        weight.reshape(9, 5)[: 9 - kept, 2] = 0
        weight.reshape(9, 5)[3:, [0, 1, 3, 4]] = 0
        spec = Spec(Rounding.SINGLE, spread=9.0)
        graph = weighted("depthwise_conv2d", (1, 5, 4, 5), weight, spec, rng, {})
        yield end_case(f"{kept} of 9 at {value}", graph, KERNEL, value)
    weight = patterned(random_weights((1, 3, 3, 12), rng), 0.55)
    attrs = {"padding": (4, 4, 4, 4), "dilation": (2, 3)}
    graph = weighted("depthwise_conv2d", (1, 5, 6, 4), weight, Spec(), rng, attrs)
    yield case("three filters a channel, dilated", graph, KERNEL, rng)


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m7"])
def test_every_byte_equals_the_reference(target: str, tmp_path: Path) -> None:
    if not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    cases = list(layers())
    assert all(c.chosen.accepts(c.graph, c.graph.nodes[0]) for c in cases)
    assert run_cases(cases, target, "zig", tmp_path).failed == []
