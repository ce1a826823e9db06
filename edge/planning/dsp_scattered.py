"""When the kernels of runtime/kernels/dsp/scattered_pixels.c take a layer, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from edge.ir import Graph, Node
from edge.planning.costs import Cost, channels, once, pixels, rounded_twice, total
from edge.planning.kernels import Accepts, Kernel, has_weights, is_pointwise
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.dsp_words import DUO_LIMIT, PAIR_LIMIT, dsp_constants
from edge.sparsity.column_pairs import FOUR

# instructions by the pixels of a strip
_SINGLE = {8: 9.25, 6: 7.25, 4: 6.25, 2: 5.25}
_PAIR = {8: 15.25, 6: 12.25, 4: 10.25, 2: 7.25}


def strips(count: int) -> list[int]:
    """The pixels, 8, 6, 4 or 2, that the strips of a run of pixels are made for."""
    made = []
    while count > 0:
        taken = 8 if count > 12 else 6 if count > 8 else count
        made.append(taken + taken % 2)
        count -= taken
    return made


def _multiplies(limit: int) -> Accepts:
    def accepts(graph: Graph, node: Node) -> bool:
        if not has_weights(graph, node) or graph.type(node.inputs[1]).shape[-1] % 4:
            return False
        weighted = constants.weighted(graph, node)
        found = dsp_constants(weighted, weight_rows(graph, node), limit)
        return found is not None and (weighted.requantize.form is Form.TWICE or not found.f.any())

    return accepts


def _singles(graph: Graph, node: Node) -> float:
    """Instructions that load and multiply single weights."""
    weights = int(np.count_nonzero(graph.constant(node.inputs[1])))
    return weights * sum(_SINGLE[made] for made in strips(pixels(graph, node)))


def _pairs(graph: Graph, node: Node) -> float:
    """Instructions that load and multiply pairs of weights."""
    pairs = int(FOUR.counts(weight_rows(graph, node), 1).sum())
    return pairs * sum(_PAIR[made] for made in strips(pixels(graph, node)))


def _made(graph: Graph, node: Node) -> int:
    """Outputs, those that are made twice included."""
    return channels(graph, node) * sum(strips(pixels(graph, node)))


def _rows(graph: Graph, node: Node) -> int:
    """Channels of all strips."""
    return channels(graph, node) * len(strips(pixels(graph, node)))


def _widened(graph: Graph, node: Node) -> int:
    """Words of 4 inputs of two pixels each."""
    return graph.type(node.inputs[1]).shape[-1] // 4 * sum(strips(pixels(graph, node))) // 2


def _strips(graph: Graph, node: Node) -> int:
    return len(strips(pixels(graph, node)))


def _cost(products: Callable[[Graph, Node], float], factors: tuple[float, ...]) -> Cost:
    quantities = (products, _made, _rows, rounded_twice, _widened, _strips, once)
    return total(*zip(factors, quantities, strict=True))


def _kernels(form: str, place: int, limit: int, cost: Cost) -> Iterator[Kernel]:
    """`place`: bytes of an input channel in a strip."""
    accepts = _multiplies(limit)

    def is_pointwise_too(graph: Graph, node: Node) -> bool:
        return is_pointwise(graph, node) and accepts(graph, node)

    def scratch(graph: Graph, node: Node) -> int:
        return place * graph.type(node.inputs[1]).shape[-1]

    for op, fits in (("conv2d", is_pointwise_too), ("linear", accepts)):
        yield Kernel(
            f"dsp/pointwise_conv2d_{form}_s8", op, fits, cost, scratch, flat=True, buffered=True,
            sources=("dsp/scattered_pixels.c", _ROUTINES[form]), sparse=True,
        )  # fmt: skip


_ROUTINES = {"scattered": "dsp/scattered.S", "pairs": "dsp/row_pairs.S"}

SCATTERED: tuple[Kernel, ...] = (
    *_kernels("scattered", 16, DUO_LIMIT, _cost(_singles, (1, 5.43, 15.3, 3.36, 19.7, 130, 16))),
    *_kernels("pairs", 48, PAIR_LIMIT, _cost(_pairs, (1, 3.94, 15.3, 3.36, 21.8, 139, 20))),
)
