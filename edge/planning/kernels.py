"""What the planner knows of a kernel: what it accepts, what it costs, how it reads and writes.

The kernels of one folder under runtime/kernels are listed in the module `kernels_<folder>` as
`KERNELS`; `choice` picks among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes

Accepts = Callable[[Graph, Node], bool]
Measure = Callable[[Graph, Node], int]


def no_scratch(graph: Graph, node: Node) -> int:
    """Working memory of a kernel that needs none."""
    return 0


WHOLE = 1 << 24  # pixels: the granule of a flat kernel that reads all of a row before it writes


@dataclass(frozen=True)
class Kernel:
    """One file under runtime/kernels and its promises to the planner.

    name: "<folder>/<file>", for example "ref/conv2d_s8".
    scratch: working memory in bytes; cost: estimated instructions of the whole operator.
    flat: sees all pixels (elements, for elementwise operators) of one row and walks upwards, so
        that the planner may present the whole tensor as a single row.
    granule: pixels a flat kernel reads before it writes their outputs.
    buffered: has read its granule completely before it writes any of it.
    gathers: is called once for each row of its input, upwards, adds it to sums of its own, and
        writes its whole output in the last call. Runs only behind other operators of a stage.
    sums: bytes that a gathering kernel keeps from call to call.
    sources: further files under runtime/kernels.
    sparse: passes over blocks of weights that are all zero, so that its cost depends on them.
    """

    name: str
    op: str
    accepts: Accepts
    cost: Measure
    scratch: Measure = no_scratch
    flat: bool = False
    granule: int = 1
    buffered: bool = False
    gathers: bool = False
    sums: Measure = no_scratch
    sources: tuple[str, ...] = ()
    sparse: bool = False


def has_types(graph: Graph, node: Node, read: DType, made: DType) -> bool:
    """Whether the first input and the output have these element types."""
    return graph.type(node.inputs[0]).dtype is read and graph.type(node.output).dtype is made


def is_int8(graph: Graph, node: Node) -> bool:
    """Whether the first input and the output are int8."""
    return has_types(graph, node, DType.INT8, DType.INT8)


INT16_MAX = 2**15 - 1
_UINT8_MAX = 2**8 - 1


def is_single_image(graph: Graph, node: Node) -> bool:
    """Whether row kernels take the operator: [1, H, W, C] in and out, in the ranges of edge.h.

    Widths and channels are int16 there, and what describes a window is uint8.
    """
    shapes = (graph.type(node.inputs[0]).shape, graph.type(node.output).shape)
    images = all(len(shape) == 4 and shape[0] == 1 for shape in shapes)
    return images and max(*shapes[0], *shapes[1]) <= INT16_MAX and _has_small_window(graph, node)


def _has_small_window(graph: Graph, node: Node) -> bool:
    """The numbers of a window fit a byte, and every pooling window touches the input."""
    attrs = attributes(node)
    if "stride" not in attrs:
        return True
    kernel = attrs["kernel"] if "kernel" in attrs else graph.type(node.inputs[1]).shape[1:3]
    sizes = [cast("tuple[int, ...]", v) for v in (kernel, attrs["stride"], attrs["padding"])]
    dilation = cast("tuple[int, ...]", attrs.get("dilation", (1, 1)))
    spans = [(k - 1) * d + 1 for k, d in zip(sizes[0], dilation, strict=True)]
    top, bottom, left, right = sizes[2]
    touches = max(top, bottom) < spans[0] and max(left, right) < spans[1]
    return (touches or "kernel" not in attrs) and max(
        *sizes[0], *sizes[1], *sizes[2], *dilation
    ) <= _UINT8_MAX


def has_int8_weights(graph: Graph, node: Node) -> bool:
    """Whether the weights are constant int8 and the bias, if any, is constant int32."""
    weight, *bias = node.inputs[1:]
    wanted = [(weight, DType.INT8), *((name, DType.INT32) for name in bias if name)]
    return all(graph.is_constant(name) and graph.type(name).dtype is d for name, d in wanted)


def is_pointwise(graph: Graph, node: Node) -> bool:
    """Whether a conv2d is a matrix product for each pixel: 1x1, stride 1, no padding, one group."""
    attrs = attributes(node)
    return (
        graph.type(node.inputs[1]).shape[1:3] == (1, 1)
        and attrs["stride"] == (1, 1)
        and not any(cast("tuple[int, ...]", attrs["padding"]))
        and attrs["groups"] == 1
    )


def keeps_quantization(graph: Graph, node: Node) -> bool:
    """Whether all activations share type and quantization, so that bytes may be moved unchanged."""
    types = [graph.type(name) for name in (*node.inputs, node.output)]
    return all(t.dtype is types[0].dtype and t.quantization == types[0].quantization for t in types)


ALIAS = "alias"  # the name of what runs an operator that only renames bytes

RESHAPE = Kernel(ALIAS, "reshape", keeps_quantization, lambda graph, node: 0)

INPUT = "input"  # the name of what makes the rows of a streamed input: the caller

ARRIVAL = Kernel(INPUT, "input", lambda graph, node: False, lambda graph, node: 0)


def arrival(name: str) -> Node:
    """What stands for the caller among the nodes of a stage: it makes the input's rows."""
    return Node(name, ARRIVAL.op, (), (name,))


def pair(node: Node, name: str) -> tuple[int, ...]:
    """An attribute along height and width (and padding, which has four parts)."""
    return cast("tuple[int, ...]", attributes(node)[name])


def has_weights(graph: Graph, node: Node) -> bool:
    """Whether int8 becomes int8 through constant int8 weights."""
    return is_int8(graph, node) and has_int8_weights(graph, node)


def pools(graph: Graph, node: Node) -> bool:
    """Whether row kernels take a pooling operator."""
    return is_int8(graph, node) and is_single_image(graph, node)


def takes_maximum(graph: Graph, node: Node) -> bool:
    """Whether row kernels take a max_pool2d, which moves stored values unchanged."""
    return pools(graph, node) and keeps_quantization(graph, node)
