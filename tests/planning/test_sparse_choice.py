"""Zeros in the weights decide between dense and sparse kernels, and what is packed gets smaller."""

from __future__ import annotations

import numpy as np
import pytest

from edge.emit.descriptors import describe
from edge.emit.project import Emission, layers_json
from edge.ir import Graph
from edge.planning.choice import candidates, cheapest, kernel_named
from edge.planning.plan import Step
from edge.planning.planner import plan
from edge.sparsity.allocation.budgeted import options
from edge.sparsity.pattern_names import parse_pattern
from edge.target import load_target
from tests.emulators.dsp_graphs import Int8s, Spec, random_weights, weighted
from tests.emulators.sparse_cases import convolution, linear, pointwise

RNG = np.random.default_rng(8)
DSP = ("dsp", "ref")


def without_blocks(weights: Int8s, share: float, block: tuple[int, int] = (1, 4)) -> Int8s:
    """The weights with exactly this share of the blocks of their matrix set to zero."""
    rows = weights.reshape(len(weights), -1)
    tiles = rows.shape[0] // block[0], rows.shape[1] // block[1]
    kept = np.arange(tiles[0] * tiles[1]) >= round(share * tiles[0] * tiles[1])
    whole = np.kron(RNG.permutation(kept).reshape(tiles), np.ones(block, bool))
    return np.where(whole, rows, np.int8(0)).reshape(weights.shape)


def chosen(graph: Graph, folders: tuple[str, ...] = DSP) -> str:
    return cheapest(graph, folders)["n"].name


def packed_bytes(graph: Graph, kernel: str) -> int:
    described = describe(graph, graph.nodes[0], Step("n", kernel, 1), "p")
    return sum(array.data.nbytes for array in described.arrays)


@pytest.mark.parametrize(("share", "sparse"), [(0.0, False), (0.3, True), (0.5, True), (0.9, True)])
def test_blocks_of_zeros_choose_the_sparse_kernel(share: float, sparse: bool) -> None:
    weight = without_blocks(random_weights((64, 64), RNG), share)
    assert ("sparse" in chosen(pointwise(144, weight, Spec(), RNG))) is sparse
    shaped = without_blocks(random_weights((32, 3, 3, 32), RNG), share)
    graph = convolution((12, 12, 32), shaped, Spec(), RNG, padding=(1, 1, 1, 1))
    assert ("sparse" in chosen(graph)) is sparse
    weight = without_blocks(random_weights((64, 64), RNG), share, (4, 4))
    assert ("sparse" in chosen(linear(1, weight, Spec(), RNG))) is sparse


def test_scattered_zeros_leave_no_blocks_to_skip() -> None:
    weight = random_weights((64, 64), RNG)
    weight[RNG.random(weight.shape) < 0.3] = 0
    assert "sparse" not in chosen(pointwise(144, weight, Spec(), RNG))


@pytest.mark.parametrize(
    ("removed", "folders", "sparse"),
    [(0, ("ref",), False), (5, ("ref",), True), (5, DSP, False), (2, ("ref",), False)],
)
def test_kernel_patterns_choose_the_sparse_depthwise_kernel_where_it_is_quicker(
    removed: int, folders: tuple[str, ...], sparse: bool
) -> None:
    weight = random_weights((1, 3, 3, 16), RNG)
    weight.reshape(9, 16)[:removed] = 0
    attrs = {"padding": (1, 1, 1, 1)}
    graph = weighted("depthwise_conv2d", (1, 9, 9, 16), weight, Spec(), RNG, attrs)
    assert ("sparse" in chosen(graph, folders)) is sparse


def test_kernel_patterns_meet_a_latency_without_simd() -> None:
    weight = random_weights((1, 3, 3, 16), RNG)
    attrs = {"padding": (1, 1, 1, 1)}
    graph = weighted("depthwise_conv2d", (1, 9, 9, 16), weight, Spec(), RNG, attrs)
    (choices,) = options(graph, ("ref",), parse_pattern("kernel"), grid=(0.0, 0.55, 0.8)).values()
    assert choices[0].cost > choices[1].cost > choices[2].cost


def test_coarse_masks_run_on_finer_blocks() -> None:
    weight = without_blocks(random_weights((64, 64), RNG), 0.5, (8, 8))
    assert "sparse" in chosen(pointwise(144, weight, Spec(), RNG))


@pytest.mark.parametrize(
    ("block", "share", "kernel"),
    [
        ((2, 16), 0.5, "mve/pointwise_conv2d_sparse_s8"),
        ((2, 4), 0.7, "mve/pointwise_conv2d_sparse_words_s8"),
        ((4, 4), 0.7, "mve/pointwise_conv2d_sparse_words_s8"),
        ((2, 4), 0.3, "mve/pointwise_conv2d_s8"),
    ],
)
def test_cortex_m55_gathers_words_of_masks_too_fine_for_vectors(
    block: tuple[int, int], share: float, kernel: str
) -> None:
    weight = without_blocks(random_weights((128, 128), RNG), share, block)
    assert chosen(pointwise(36, weight, Spec(), RNG), ("mve", "dsp", "ref")) == kernel


@pytest.mark.parametrize(
    ("inputs", "block", "folder"),
    [(128, (4, 8), "neoni8mm"), (128, (4, 4), "neoni8mm"), (132, (4, 4), "neondot")],
)
def test_dot_products_take_what_matrix_products_leave(
    inputs: int, block: tuple[int, int], folder: str
) -> None:
    weight = without_blocks(random_weights((128, inputs), RNG), 0.7, block)
    graph = pointwise(64, weight, Spec(), RNG)
    assert chosen(graph, ("neoni8mm", "neon", "ref")) == f"{folder}/linear_sparse_s8"


def test_channels_that_do_not_fill_words_stay_dense() -> None:
    weight = without_blocks(random_weights((8, 36), RNG), 0.9)[:, :35]
    graph = pointwise(36, weight, Spec(), RNG)
    names = [kernel.name for kernel in candidates(graph, ("dsp",))["n"]]
    assert names
    assert not any("sparse" in name for name in names)


def test_the_portable_kernels_choose_too() -> None:
    for share, sparse in ((0.0, False), (0.9, True)):
        weight = without_blocks(random_weights((32, 32), RNG), share)
        graph = pointwise(9, weight, Spec(), RNG)
        assert ("sparse" in chosen(graph, ("ref",))) is sparse


@pytest.mark.parametrize(("share", "limit"), [(0.5, 0.70), (0.7, 0.48)])
def test_sparse_weights_take_fewer_bytes(share: float, limit: float) -> None:
    for channels in (64, 128, 256):
        weight = random_weights((channels, channels), RNG)
        dense = pointwise(36, weight, Spec(), RNG)
        sparse = pointwise(36, without_blocks(weight, share), Spec(), RNG)
        stored = packed_bytes(sparse, "dsp/pointwise_conv2d_sparse_s8")
        assert stored <= limit * packed_bytes(dense, "dsp/pointwise_conv2d_s8")


def test_no_layer_is_predicted_slower_than_its_dense_kernel() -> None:
    for share in (0.0, 0.05, 0.1, 0.2, 0.4):
        weight = without_blocks(random_weights((16, 32), RNG), share)
        graph = weighted("conv2d", (1, 5, 5, 32), weight.reshape(16, 1, 1, 32), Spec(), RNG)
        dense = kernel_named("dsp/pointwise_conv2d_s8", "conv2d").cost(graph, graph.nodes[0])
        assert cheapest(graph, DSP)["n"].cost(graph, graph.nodes[0]) <= dense


def test_reports_show_the_dense_layer_beside_the_sparse_one() -> None:
    weight = random_weights((32, 64), RNG)
    layers = []
    for graph in (pointwise(36, w, Spec(), RNG) for w in (weight, without_blocks(weight, 0.5))):
        layers += layers_json(Emission(graph, plan(graph, load_target("cortex-m7"))))
    dense, sparse = layers
    assert dense["dense"] is None
    assert sparse["sparsity"] == pytest.approx(0.5, abs=0.02)
    assert sparse["dense"]["kernel"] == dense["kernel"] == "dsp/pointwise_conv2d_s8"
    assert sparse["dense"]["dense_weight_bytes"] == dense["weight_bytes"] > sparse["weight_bytes"]
    assert sparse["dense"]["dense_predicted"] > sparse["dense"]["predicted"]


@pytest.mark.parametrize(("pattern", "share"), [("2:4x4", 0.5), ("1:4x4", 0.75)])
def test_n_of_m_that_four_outputs_share_takes_the_kernel_of_pairs(
    pattern: str, share: float
) -> None:
    weight = random_weights((64, 172), RNG)
    kept = parse_pattern(pattern).mask(np.abs(weight[:, None]).astype(np.float32), share)[:, 0]
    graph = linear(1, np.where(kept, weight, np.int8(0)), Spec(), RNG)
    assert chosen(graph) == "dsp/linear_pairs_s8"
    own = parse_pattern(pattern.removesuffix("x4"))
    kept = own.mask(np.abs(weight[:, None]).astype(np.float32), share)[:, 0]
    graph = linear(1, np.where(kept, weight, np.int8(0)), Spec(), RNG)
    assert pattern == "1:4x4" or chosen(graph) == "dsp/linear_s8"


@pytest.mark.parametrize(
    ("pattern", "share", "kernel"),
    [
        ("unstructured", 0.2, "s8"),
        ("unstructured", 0.7, "scattered_s8"),
        ("1:4", 0.75, "scattered_s8"),
        ("2:4", 0.5, "pairs_s8"),
        ("1x4", 0.5, "sparse_s8"),
    ],
)
def test_each_pattern_takes_the_pointwise_kernel_that_is_quickest(
    pattern: str, share: float, kernel: str
) -> None:
    weight = random_weights((64, 64), RNG)
    kept = parse_pattern(pattern).mask(np.abs(weight[:, None]).astype(np.float32), share)[:, 0]
    graph = pointwise(144, np.where(kept, weight, np.int8(0)), Spec(), RNG)
    assert chosen(graph) == f"dsp/pointwise_conv2d_{kernel}"
