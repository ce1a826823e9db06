"""The sparse kernels of runtime/kernels/mve, for weights of which whole blocks are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
Coefficients of blocks of two channels: tests/bench/fit_costs.py --block 2x4 on Cortex-M55.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge.ir import Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.planning.costs import Cost, Quantity, calls, channels, total
from edge.planning.kernels import Kernel, has_weights, is_pointwise, is_single_image
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.mve_scale import right_shifts
from edge.sparsity.block_rows import nonzero_blocks

_GATHERED = (4, 4)
_PIXELS, _VECTOR = 4, 16  # of a strip
_MOST_VECTORS = 255  # columns that a byte names beside the end mark
_MOST_WORDS_VECTORS = 1024  # whose places fit uint16
_MOST_WORDS = 256
_STRIP_BYTES = 64  # a vector
_MOST_GATHERED = 0.6  # of the blocks: a gather may take longer than the one instruction it counts


def _weighs(graph: Graph, node: Node) -> bool:
    return (
        has_weights(graph, node)
        and right_shifts(constants.weighted(graph, node).requantize) is not None
    )


def _taps(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _vectors(graph: Graph, node: Node) -> int:
    return -(-_taps(graph, node) // _VECTOR)


def _weighs_pairs(graph: Graph, node: Node) -> bool:
    return graph.type(node.inputs[1]).shape[0] % 2 == 0 and _weighs(graph, node)


def _strip_bytes(graph: Graph, node: Node) -> int:
    return _STRIP_BYTES * _vectors(graph, node)


def _pixels(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.output).shape[:-1])


@dataclass(frozen=True)
class _Pairs:
    """Blocks of 2 output channels, `together` of which meet a vector.

    most_vectors: of taps; most_stored: of the blocks.
    """

    block: tuple[int, int]
    most_vectors: int
    together: int = 1
    most_stored: float = 1.0

    def multiplies(self, graph: Graph, node: Node) -> bool:
        fits = _weighs_pairs(graph, node) and _vectors(graph, node) <= self.most_vectors
        return fits and (self.most_stored == 1.0 or self._stored(graph, node) <= self.most_stored)

    def _stored(self, graph: Graph, node: Node) -> float:
        rows = weight_rows(graph, node)
        return nonzero_blocks(rows, self.block) * math.prod(self.block) / rows.size

    def convolves(self, graph: Graph, node: Node) -> bool:
        return (
            is_single_image(graph, node)
            and not is_pointwise(graph, node)
            and attributes(node)["groups"] == 1
            and graph.type(node.inputs[1]).shape[3] % _VECTOR == 0
            and self.multiplies(graph, node)
        )

    def points(self, graph: Graph, node: Node) -> bool:
        return is_pointwise(graph, node) and self.multiplies(graph, node)

    def groups(self, graph: Graph, node: Node) -> int:
        """Vectors of weights of two channels: blocks, together, of each pair."""
        rows = weight_rows(graph, node)
        pairs = range(0, len(rows), 2)
        blocks = (nonzero_blocks(rows[pair : pair + 2], self.block) for pair in pairs)
        return sum(-(-count // self.together) for count in blocks)

    def cost(self, strips: Quantity, *factors: float) -> Cost:
        """Factors of what is made for each strip (groups, pairs of channels, vectors of taps, the
        strip, pairs that are scaled in two roundings), and of a kernel that makes rows also of
        the calls and of the rows of windows."""

        def strip_groups(graph: Graph, node: Node) -> float:
            return strips(graph, node) * self.groups(graph, node)

        def strip_pairs(graph: Graph, node: Node) -> float:
            return strips(graph, node) * channels(graph, node) / 2

        def strip_vectors(graph: Graph, node: Node) -> float:
            return strips(graph, node) * _vectors(graph, node)

        def pairs_rounded_twice(graph: Graph, node: Node) -> float:
            single = graph.rounding is Rounding.SINGLE
            return 0 if single else strip_pairs(graph, node)

        def strip_rows(graph: Graph, node: Node) -> float:
            kernel = graph.type(node.inputs[1]).shape
            return strips(graph, node) * kernel[1] if len(kernel) == 4 else 0

        made = (
            strip_groups, strip_pairs, strip_vectors, strips, pairs_rounded_twice,
            calls, strip_rows,
        )  # fmt: skip
        return total(*zip(factors, made[: len(factors)], strict=True))


def _strips_of_all(graph: Graph, node: Node) -> int:
    return -(-_pixels(graph, node) // _PIXELS)


def _strips_of_rows(graph: Graph, node: Node) -> int:
    _, rows, columns, _ = graph.type(node.output).shape
    return rows * -(-columns // _PIXELS)


def _linear(graph: Graph, node: Node) -> bool:
    taps = _taps(graph, node)
    return taps % 4 == 0 and taps // 4 <= _MOST_WORDS and _weighs(graph, node)


def _linear_cost(graph: Graph, node: Node) -> int:
    groups = -(-graph.type(node.inputs[1]).shape[0] // _GATHERED[0])
    blocks = nonzero_blocks(weight_rows(graph, node), _GATHERED)
    return int(_pixels(graph, node) * (11 / 4 * blocks + 22 * groups + 60))


def _kernels(name: str, pairs: _Pairs, transform: Cost, convolve: Cost) -> Iterator[Kernel]:
    yield Kernel(
        f"mve/conv2d_{name}_s8", "conv2d", pairs.convolves, convolve, _strip_bytes,
        sources=("mve/sparse_convolve.c", "mve/sparse_pairs.S"), sparse=True,
    )  # fmt: skip
    for op, accepts in (("conv2d", pairs.points), ("linear", pairs.multiplies)):
        yield Kernel(
            f"mve/pointwise_conv2d_{name}_s8", op, accepts, transform, _strip_bytes,
            flat=True, buffered=True, sources=("mve/sparse_transform.c", "mve/sparse_pairs.S"),
            sparse=True,
        )  # fmt: skip


_VECTORS = _Pairs((2, 16), _MOST_VECTORS)
_WORDS = _Pairs((2, 4), _MOST_WORDS_VECTORS, together=4, most_stored=_MOST_GATHERED)

KERNELS: tuple[Kernel, ...] = (
    *_kernels(
        "sparse",
        _VECTORS,
        _VECTORS.cost(_strips_of_all, 16.4, 27.1, 19.3, 90.2, 4.9),
        _VECTORS.cost(_strips_of_rows, 16.5, 27.7, 13, 23.8, 5.92, 79, 190),
    ),
    *_kernels(
        "sparse_words",
        _WORDS,
        _WORDS.cost(_strips_of_all, 17.1, 27.7, 17.5, 93.2, 4.76),
        _WORDS.cost(_strips_of_rows, 17.1, 28.6, 11.7, 5.56, 5.95, 87.9, 201),
    ),
    Kernel(
        "mve/linear_sparse_s8", "linear", _linear, _linear_cost, flat=True,
        sources=("mve/dot_1x4.S",), sparse=True,
    ),
)  # fmt: skip
