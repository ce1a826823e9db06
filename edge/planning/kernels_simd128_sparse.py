"""The sparse kernels of runtime/kernels/simd128, for weights of which whole blocks are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
Costs are those of `kernels_simd128`: a third of a multiply-accumulate of the dense kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.planning.kernels import Kernel, has_weights, is_pointwise, is_single_image
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.simd128_scale import filled_blocks, weighted_scale
from edge.sparsity.block_rows import MOST_COLUMNS, nonzero_blocks

_PIXELS, _GROUP_PIXELS, _STRIP_BYTES = 4, 256, 131072  # as in dot.h
_RECORD_BYTES = 96
_WIDTH = 2  # inputs of a block
_BRIDGE = 256  # block columns that one block of zeros leads over


@dataclass(frozen=True)
class Shape:
    """Blocks of height x 2 weights on strips of 4 * vectors pixels; edge_simd_shape."""

    name: str
    height: int
    vectors: int
    vector_cost: float  # of a block for each 4 pixels of a strip
    single: bool  # has a way of its own for one pixel

    @property
    def pixels(self) -> int:
        """Pixels of a whole strip."""
        return _PIXELS * self.vectors

    def blocks(self, graph: Graph, node: Node) -> int:
        """Stored blocks, with those that bridge gaps in the worst case."""
        rows = weight_rows(graph, node)
        bridges = len(rows) // self.height * (int(rows.shape[1]) // _WIDTH // _BRIDGE)
        return nonzero_blocks(rows, (self.height, _WIDTH)) + bridges

    def strips(self, pixels: int) -> list[int]:
        """The vectors of the strips that a run of pixels is made of, 0 for a single pixel."""
        whole, left = divmod(pixels, self.pixels)
        if left == 1 and self.single:
            return [self.vectors] * whole + [0]
        tail = self.vectors
        while tail > 1 and left <= _PIXELS * tail // 2:
            tail //= 2
        return [self.vectors] * whole + [tail] * (left > 0)


SHAPES = (Shape("quads", 4, 2, 7.7, True), Shape("duos", 2, 4, 4.9, False))
# Measured on MobileNet-v1 in Node 20 on Zen 4.
_BLOCK_COST, _SINGLE_COST, _UNPACK_COST = 6, 17, 12  # of a block in a strip, a pixel, a group
_TILE_COST, _ROW_COST = 300, 60  # of a row of blocks in a strip, a group


def _fits(graph: Graph, node: Node) -> bool:
    channels = graph.type(node.output).shape[-1]
    if not has_weights(graph, node):
        return False
    rows, weighted = weight_rows(graph, node), constants.weighted(graph, node)
    return (
        rows.shape[1] <= MOST_COLUMNS
        and weighted_scale(weighted, rows, filled_blocks(channels)) is not None
    )


def _convolves(graph: Graph, node: Node) -> bool:
    one_group = is_single_image(graph, node) and attributes(node)["groups"] == 1
    return one_group and _fits(graph, node)


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and _fits(graph, node)


def _depth(graph: Graph, node: Node) -> int:
    inputs = math.prod(graph.type(node.inputs[1]).shape[1:])
    return -(-inputs // 8) * 8


def _group(shape: Shape, depth: int, pixels: int) -> int:
    """Strips of a group of at most `pixels`."""
    most = min(max(_STRIP_BYTES // (2 * shape.pixels * depth), 1), _GROUP_PIXELS // shape.pixels)
    return min(-(-pixels // shape.pixels), most)


def _scratch(shape: Shape, depth: int, pixels: int) -> int:
    """Bytes of what sparse.h keeps."""
    row = _RECORD_BYTES * shape.height + 2 * depth + 2 * shape.height * depth
    return row + 2 * shape.pixels * depth * _group(shape, depth, pixels)


def _runs_cost(shape: Shape, graph: Graph, node: Node, runs: int, pixels: int) -> float:
    """Of `runs` runs of so many pixels each."""
    depth, blocks = _depth(graph, node), shape.blocks(graph, node)
    rows = -(-graph.type(node.output).shape[-1] // shape.height)
    strips = shape.strips(pixels)
    groups = -(-len(strips) // _group(shape, depth, pixels))
    products = sum(
        shape.vector_cost * vectors + _BLOCK_COST if vectors else _SINGLE_COST for vectors in strips
    )
    per_row = _TILE_COST * len(strips) + _ROW_COST * groups
    widening = 2 * depth * pixels // _PIXELS
    return runs * (blocks * (products + _UNPACK_COST * groups) + rows * per_row + widening)


@dataclass(frozen=True)
class _Sparse:
    """Cost and scratch of the kernels of one shape."""

    shape: Shape

    def pointwise_cost(self, graph: Graph, node: Node) -> int:
        pixels = math.prod(graph.type(node.output).shape[:-1])
        return int(_runs_cost(self.shape, graph, node, 1, pixels))

    def pointwise_scratch(self, graph: Graph, node: Node) -> int:
        depth = _depth(graph, node)
        pixels = math.prod(graph.type(node.output).shape[:-1])
        filled = depth != graph.type(node.inputs[1]).shape[-1]
        return _scratch(self.shape, depth, pixels) + _PIXELS * depth * filled

    def conv2d_cost(self, graph: Graph, node: Node) -> int:
        _, height, width, _ = graph.type(node.output).shape
        columns = height * width * (_depth(graph, node) + 20)
        return int(_runs_cost(self.shape, graph, node, height, width)) + columns

    def conv2d_scratch(self, graph: Graph, node: Node) -> int:
        depth = _depth(graph, node)
        width = graph.type(node.output).shape[2]
        return _scratch(self.shape, depth, width) + _PIXELS * depth + 16


def _kernels(shape: Shape) -> Iterator[Kernel]:
    sparse, sources = _Sparse(shape), (f"simd128/sparse_{shape.name}.c",)
    yield Kernel(
        f"simd128/conv2d_{shape.name}_s8", "conv2d", _convolves, sparse.conv2d_cost,
        sparse.conv2d_scratch, sources=sources, sparse=True,
    )  # fmt: skip
    for op, accepts in (("conv2d", _pointwise), ("linear", _fits)):
        yield Kernel(
            f"simd128/pointwise_conv2d_{shape.name}_s8", op, accepts, sparse.pointwise_cost,
            sparse.pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
            sources=sources, sparse=True,
        )  # fmt: skip


KERNELS: tuple[Kernel, ...] = tuple(kernel for shape in SHAPES for kernel in _kernels(shape))
