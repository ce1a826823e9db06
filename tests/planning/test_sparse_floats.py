"""Zeros in float weights: which blocks leave them out, and when the planner takes the kernel."""

from __future__ import annotations

import numpy as np
import pytest

from edge.emit.packing.f32 import pack_sparse
from edge.ir import Graph
from edge.planning.choice import candidates, cheapest
from edge.planning.sparse_blocks import best_size, blocks_of
from tests.emulators.f32x4_cases import sparse

FOLDERS = ("f32x4", "ref")


def _layer(kept: float, size: int = 4, channels: int = 64) -> Graph:
    return sparse(196, channels, channels, size, kept, np.random.default_rng(1))


def _chosen(graph: Graph) -> str:
    return cheapest(graph, FOLDERS)["node"].name


@pytest.mark.parametrize(("kept", "size", "sparse_kernel"), [
    (1.0, 1, False), (0.95, 4, False), (0.7, 4, True), (0.2, 4, True), (0.2, 1, True),
    (0.9, 1, False),
])  # fmt: skip
def test_sparse_kernels_are_taken_where_they_cost_less(
    kept: float, size: int, sparse_kernel: bool
) -> None:
    assert ("sparse" in _chosen(_layer(kept, size))) is sparse_kernel


def test_the_cost_falls_with_every_zero() -> None:
    costs = []
    for kept in (1.0, 0.7, 0.4, 0.1):
        graph = _layer(kept)
        kernels = candidates(graph, FOLDERS)["node"]
        costs += [k.cost(graph, graph.nodes[0]) for k in kernels if "sparse" in k.name]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == len(costs)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_blocks_have_the_size_that_weights_were_pruned_in(size: int) -> None:
    weight = _layer(0.2, size, 256).constant("w").reshape(256, 256)
    assert best_size(weight.astype(np.float32)) == size


def test_packed_streams_hold_every_weight_once() -> None:
    rng = np.random.default_rng(6)
    weight = np.where(rng.random((10, 30)) < 0.3, rng.standard_normal((10, 30)), 0)
    rows = weight.astype(np.float32)
    packed = pack_sparse(rows, np.zeros(10, np.float32))
    words = np.asarray(packed.weights).view(np.int32)
    size, blocks = best_size(rows), blocks_of(rows, best_size(rows))
    assert words[0] == size
    held = blocks.sum(axis=1)
    stored = held + held % 2 if size == 1 else held
    assert len(words) == 1 + len(blocks) + int(stored.sum()) * (1 + size)
    assert packed.bias.shape == (12,)
