"""The NEON kernels take what they compute bit for bit; the portable ones take the rest."""

from __future__ import annotations

import numpy as np
import pytest

from edge.emit.packing import PACKERS
from edge.ir import Graph, Rounding
from edge.planning.choice import cheapest
from edge.quantization import constants
from edge.target import load_target
from tests.emulators.dsp_graphs import Int8s, Spec, one_node, random_weights, tensor, weighted

RNG = np.random.default_rng(5)
PRODUCTS = {"aarch64": "neon", "armv7a": "neon", "aarch64-dotprod": "neondot",
            "aarch64-i8mm": "neoni8mm", "android-arm64": "neon"}  # fmt: skip


def chosen(graph: Graph, target: str) -> str:
    return cheapest(graph, load_target(target).kernels)["n"].name


def pointwise(weight: Int8s) -> Graph:
    shape = (1, 2, 4, weight.shape[1])
    return weighted("conv2d", shape, weight.reshape(len(weight), 1, 1, -1), Spec(), RNG)


def conv(depth: int, **attrs: object) -> Graph:
    weight = random_weights((8, 3, 3, depth // int(str(attrs.get("groups", 1)))), RNG)
    return weighted("conv2d", (1, 9, 9, depth), weight, Spec(), RNG, attrs)


def depthwise(kernel: int, channels: int, multiplier: int, **attrs: tuple[int, ...]) -> Graph:
    weight = random_weights((1, kernel, kernel, channels * multiplier), RNG)
    return weighted("depthwise_conv2d", (1, 9, 9, channels), weight, Spec(), RNG, attrs)


@pytest.mark.parametrize(("target", "folder"), PRODUCTS.items())
def test_ordinary_layers_get_the_kernels_of_the_target(target: str, folder: str) -> None:
    linear = weighted("linear", (1, 64), random_weights((32, 64), RNG), Spec(), RNG)
    assert chosen(linear, target) == f"{folder}/linear_s8"
    assert chosen(pointwise(random_weights((8, 16), RNG)), target) == f"{folder}/linear_s8"
    assert chosen(conv(3), target) == f"{folder}/conv2d_s8"
    assert chosen(conv(16, dilation=(2, 2)), target) == f"{folder}/conv2d_s8"
    assert chosen(depthwise(3, 8, 1), target) == "neon/depthwise_conv2d_s8"
    assert chosen(depthwise(5, 24, 1, stride=(2, 1)), target) == "neon/depthwise_conv2d_s8"


@pytest.mark.parametrize(("smallest", "kernel"), [(-127, "neon"), (-128, "ref")])
def test_pairs_of_products_must_fit_int16(smallest: int, kernel: str) -> None:
    weight = np.array([[smallest, 3, 5, 1, 2, 3, 4, 5]], np.int8)
    assert chosen(pointwise(weight), "aarch64") == f"{kernel}/linear_s8"
    for target in ("aarch64-dotprod", "aarch64-i8mm"):
        assert chosen(pointwise(weight), target) == f"{PRODUCTS[target]}/linear_s8"


@pytest.mark.parametrize(
    "graph",
    [depthwise(9, 8, 1), depthwise(3, 8, 2), depthwise(3, 7, 1)],
    ids=["81 taps", "two filters a channel", "7 channels"],
)
def test_other_depthwise_layers_are_left_to_the_portable_kernel(graph: Graph) -> None:
    assert chosen(graph, "aarch64-dotprod") == "ref/depthwise_conv2d_s8"


def test_grouped_convolutions_are_left_to_the_portable_kernel() -> None:
    assert chosen(conv(8, groups=2), "aarch64-dotprod") == "ref/conv2d_s8"


def test_repeating_operands_are_left_to_the_portable_kernel() -> None:
    types = tensor((1, 2, 3, 4), 0.05, 0), tensor((1, 1, 1, 4), 0.05, 0)
    graph = one_node("add", types, (), (0.1, 0), {}, Rounding.TFLITE)
    assert chosen(graph, "aarch64") == "ref/add_s8"


@pytest.mark.parametrize("folder", ["neon", "neondot", "neoni8mm"])
@pytest.mark.parametrize(("in_c", "out_c"), [(16, 16), (64, 32), (128, 64)])
def test_weights_grow_by_nothing_and_constants_by_sixteen_bytes_a_channel(
    folder: str, in_c: int, out_c: int
) -> None:
    graph = pointwise(random_weights((out_c, in_c), RNG))
    packed = PACKERS[f"{folder}/linear_s8"](
        np.asarray(graph.constant("w"), np.int8), constants.weighted(graph, graph.nodes[0])
    )
    assert packed.weights.nbytes == in_c * out_c
    assert packed.bias.nbytes == 16 + 16 * out_c
    assert packed.multiplier.size == packed.shift.size == 0
