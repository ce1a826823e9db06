"""The relaxed SIMD kernels equal the numpy reference in every byte, under wasmtime.

All cases are one module; each test looks at the cases of one topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from edge.emit.packing import PACKERS
from edge.emit.packing.relaxed import without_extras
from edge.ir import Graph, Rounding
from edge.planning.kernels import Kernel
from edge.quantization import constants
from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import Int8s, Spec, random_weights, weighted
from tests.emulators.test_wasm_kernels import conv, linear, pointwise
from tests.emulators.wasm_module import failures

Random = np.random.Generator
ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)
POINTWISE, CONV = "relaxed/pointwise_conv2d_s8", "relaxed/conv2d_s8"
SPEC = Spec(zero_point=3)


class SevenBits(Case):
    """A case whose input stands for a tensor that is proven to lie in 0..127."""

    @property
    def chosen(self) -> Kernel:
        return replace(super().chosen, accepts=lambda graph, node: True)


def case(name: str, graph: Graph, kernel: str, rng: Random, **options: int) -> Case:
    x = rng.integers(0, 128, graph.type(graph.inputs[0]).shape).astype(np.int8)
    return SevenBits(name, graph, kernel, (x,), **options)


def tails_of_pixels_and_channels(rng: Random) -> Iterator[Case]:
    """1 to 9 pixels; input and output channels that are no multiples of 8."""
    for pixels in range(1, 10):
        graph = pointwise(pixels, random_weights((12, 16), rng), SPEC, rng)
        yield case(f"{pixels} pixels", graph, POINTWISE, rng)
    for in_c, out_c in product((1, 3, 7, 8, 9, 24, 33), (1, 2, 7, 8, 9, 16, 20)):
        spec = replace(SPEC, rounding=ROUNDINGS[(in_c + out_c) % 2])
        graph = pointwise(5, random_weights((out_c, in_c), rng), spec, rng)
        yield case(f"{in_c}->{out_c}", graph, POINTWISE, rng)


def groups_of_pixels(rng: Random) -> Iterator[Case]:
    """More pixels than are copied at once: for few inputs 256, for many 40 or 4."""
    for pixels, in_c in ((255, 4), (257, 4), (261, 4), (41, 1600), (9, 16000)):
        graph = pointwise(pixels, random_weights((9, in_c), rng), SPEC, rng)
        yield case(f"{pixels} pixels of {in_c}", graph, POINTWISE, rng)


def pixels_in_place(rng: Random) -> Iterator[Case]:
    """The output starts at, or below, its input where it has no more channels."""
    for (in_c, out_c), distance, pixels in product(
        ((8, 8), (12, 5), (7, 7), (16, 8)), (0, 4, 16), (4, 9, 300)
    ):
        graph = pointwise(pixels, random_weights((out_c, in_c), rng), SPEC, rng)
        name = f"{in_c}->{out_c}, {pixels} pixels, {distance} apart"
        yield case(name, graph, POINTWISE, rng, distance=distance)


def convolutions(rng: Random) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    for width in range(1, 11):
        graph = conv((4, width, 3), (4, 3, 3), SPEC, rng, padding=(1, 1, 1, 1))
        yield case(f"width {width}", graph, CONV, rng)
    for depth, rounding in product((1, 2, 4, 5, 8, 16), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, stride=(2, 2), padding=(0, 1, 0, 1))
        yield case(f"depth {depth} {rounding}", graph, CONV, rng)
    for kernel, out_c in product(((1, 1), (3, 1), (2, 2), (5, 5), (10, 4)), (3, 8, 17)):
        padding = (kernel[0] - 1, 1, kernel[1] - 1, 2)
        graph = conv((11, 9, 2), (out_c, *kernel), SPEC, rng, stride=(2, 1), padding=padding)
        yield case(f"kernel {kernel}, {out_c} channels", graph, CONV, rng)
    for dilation, depth in product(((2, 2), (3, 1)), (1, 3, 8)):
        attrs = {"stride": (1, 2), "padding": (2, 2, 3, 1), "dilation": dilation}
        yield case(
            f"dilation {dilation}, depth {depth}",
            conv((9, 14, depth), (4, 3, 3), SPEC, rng, **attrs), CONV, rng,
        )  # fmt: skip
    graph = conv((2, 3, 4), (4, 3, 3), SPEC, rng, padding=(5, 4, 6, 5))
    yield case("windows that miss the input", graph, CONV, rng)


def linear_layers(rng: Random) -> Iterator[Case]:
    """All three arithmetics, one and several vectors."""
    roundings = (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE)
    for rounding, in_c, out_c, pixels in product(roundings, (1, 5, 16, 260), (1, 9, 16), (1, 2)):
        spec = replace(SPEC, rounding=rounding)
        graph = linear(random_weights((out_c, in_c), rng), spec, rng, pixels)
        yield case(f"{pixels} x {in_c}->{out_c} {rounding}", graph, POINTWISE, rng)


def clamps_and_zero_points(rng: Random) -> Iterator[Case]:
    """Fused activations at every output zero point, inputs' zero point at its ends."""
    activations = ("none", "relu", "relu6", "relu_n1_to_1")
    for activation, zero, rounding in product(activations, (0, 64, 127), ROUNDINGS):
        spec = Spec(activation=activation, out_zero_point=zero, zero_point=zero, rounding=rounding)
        name = f"{activation} at {zero} {rounding}"
        graph = pointwise(7, random_weights((9, 9), rng), spec, rng)
        yield case(f"pointwise {name}", graph, POINTWISE, rng)
        graph = conv((4, 6, 3), (5, 3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"conv {name}", graph, CONV, rng)


def weights_at_the_ends(rng: Random) -> Iterator[Case]:
    """Weights and inputs whose products do not fit 16 bits when two pairs are added, or just do."""
    for rounding, weight, pixels in product(ROUNDINGS, (-128, -127, 127, 65, 64, -65), (1, 6)):
        spec = replace(SPEC, rounding=rounding, spread=20.0)
        weights = np.full((9, 24), weight, np.int8)
        x = np.full((1, 1, pixels, 24), 127, np.int8)
        graph = pointwise(pixels, weights, spec, rng)
        yield SevenBits(f"{weight} x {pixels} {rounding}", graph, POINTWISE, (x,))
        mixed = rng.choice(np.array([-weight if weight > -128 else 127, weight], np.int8), (9, 24))
        yield case(
            f"+-{weight} x {pixels} {rounding}", pointwise(pixels, mixed, spec, rng), POINTWISE, rng
        )


def scales_of_every_size(rng: Random) -> Iterator[Case]:
    """Right shifts of all sizes, scales around and above 1; blocks in float and in integers."""
    for rounding, spread in product((Rounding.TFLM, Rounding.SINGLE), 2.0 ** np.arange(-16, 9, 2)):
        spec = replace(SPEC, rounding=rounding, spread=float(spread), bias=1 << 12)
        graph = pointwise(5, random_weights((8, 12), rng), spec, rng)
        yield case(f"pointwise {spread} {rounding}", graph, POINTWISE, rng)
    for rounding, pixels in product(ROUNDINGS, (1, 4, 6)):
        spec = Spec(rounding=rounding, activation="relu", zero_point=0, out_zero_point=0)
        graph = pointwise(pixels, random_weights((44, 300), rng), spec, rng)
        yield case(f"{pixels} pixels of 300 {rounding}", graph, POINTWISE, rng)


TOPICS: tuple[Callable[[Random], Iterator[Case]], ...] = (
    tails_of_pixels_and_channels,
    groups_of_pixels,
    pixels_in_place,
    convolutions,
    linear_layers,
    clamps_and_zero_points,
    weights_at_the_ends,
    scales_of_every_size,
)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    rng = np.random.default_rng(20)
    cases = [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng)
    ]
    return failures(cases, tmp_path_factory.mktemp("relaxed"), target="wasm32-relaxed")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(failed: list[str], topic: Callable[..., object]) -> None:
    assert [name for name in failed if name.startswith(f"{topic.__name__}:")] == []


def test_a_four_is_taken_out_only_where_two_pairs_might_not_fit_16_bits() -> None:
    rng = np.random.default_rng(1)
    weights = np.clip(random_weights((24, 128), rng), -60, 60)
    weights[3, [0, 1, 4, 5]] = (65, 64, 64, 65)  # 258 * 127 = 32766
    weights[11, [2, 3, 6, 7]] = (-65, -65, -65, -64)
    weights[12, [8, 9, 12, 13]] = (127, 127, 5, 0)
    weights[20, :8] = (127, 0, 127, 0, 127, 0, 127, 0)  # two large ones a pair of fours
    fours = weights.reshape(3, 8, -1, 4).transpose(0, 2, 1, 3)
    kept, block, four = without_extras(fours)
    assert list(zip(block.tolist(), four.tolist(), strict=True)) == [(1, 1), (1, 3)]
    restored = kept.copy()
    restored[block, four] = fours[block, four]
    np.testing.assert_array_equal(restored, fours)
    assert _largest_sum(kept) <= 2**15 - 1 < _largest_sum(fours)


def _largest_sum(fours: Int8s) -> int:
    """The largest magnitude of two pairs of products, with every input at 0 or 127."""
    sums = []
    for block, step, channel, lane in np.ndindex(len(fours), fours.shape[1] // 2, 8, 2):
        pairs = fours[block, 2 * step : 2 * step + 2, channel, 2 * lane : 2 * lane + 2]
        taps = pairs.astype(int).ravel()
        sums += [abs(127 * taps[sign * taps > 0].sum()) for sign in (1, -1)]
    return int(max(sums))


def test_records_say_which_fours_were_taken_out_or_that_too_many_would_be() -> None:
    weights = np.ones((24, 48), np.int8)
    weights[8, :8] = 127
    weights[16:, :16] = 127
    graph = weighted(
        "linear", (1, 48), weights, replace(SPEC, per_channel=False), np.random.default_rng(2)
    )
    (node,) = graph.nodes
    packed = PACKERS[POINTWISE](weights, constants.weighted(graph, node))
    records = packed.bias.reshape(3, 2, 24)[:, :, 22:]
    assert records.tolist() == [[[0, 0]] * 2, [[0, 1]] * 2, [[1, -1]] * 2]
    assert len(packed.weights) == 24 * 48 + 36
