"""Which kernel runs each node of a step, and the working memory it needs.

Training operators have one portable kernel each, under runtime/kernels/train, and where they work
on float32 gradients one under trainf32; a convolution with a 1x1 kernel is a linear layer. Targets
with the DSP extension prefer those of kernels_dsp where they accept a node. Operators of inference
inside a step take the cheapest kernel of the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.errors import fail
from edge.ir import OPS, DType, Graph, Node, RowRule
from edge.ir.shapes import ints
from edge.planning.choice import kernels_in
from edge.planning.kernels import ALIAS, no_scratch
from edge.planning.rows import row_count
from edge.training import kernels_dsp
from edge.training.layouts import is_pointwise
from edge.training.ops import TRAINING_OPS

FOLDER, FLOAT_FOLDER = "train", "trainf32"


@dataclass(frozen=True)
class Chosen:
    """A kernel ("<folder>/<file>", or "alias"), its row calls, its scratch in bytes and the files
    that it needs beside its own."""

    kernel: str
    rows: int = 1
    scratch: int = 0
    sources: tuple[str, ...] = ()


def choose(graph: Graph, node: Node, folders: Sequence[str] = ("ref",)) -> Chosen:
    """`folders` are the kernel folders of the target. Raises EdgeError E0102 if none suits."""
    if node.op in TRAINING_OPS:
        return _training_kernel(graph, node, folders)
    fitting = [k for k in kernels_in(folders) if k.op == node.op and k.accepts(graph, node)]
    if not fitting:
        raise fail("E0102", f"no kernel for {node.op} in a training step", node.where or node.name)
    kernel = min(fitting, key=lambda k: k.cost(graph, node))
    if kernel.name == ALIAS:
        return Chosen(ALIAS)
    by_rows = OPS[node.op].rows is RowRule.WINDOW and not kernel.flat
    rows = row_count(graph.type(node.output)) if by_rows else 1
    return Chosen(kernel.name, rows, kernel.scratch(graph, node), kernel.sources)


def is_float(graph: Graph, node: Node) -> bool:
    """Whether a training operator takes or makes float32 gradients."""
    return DType.FLOAT32 in (graph.type(node.inputs[0]).dtype, graph.type(node.output).dtype)


def _training_kernel(graph: Graph, node: Node, folders: Sequence[str]) -> Chosen:
    if is_float(graph, node) and node.op not in _COPIES:
        name = _file(graph, node)
        scratch = _FLOAT_SCRATCH.get(name, no_scratch)(graph, node)
        return Chosen(f"{FLOAT_FOLDER}/{name}", 1, scratch)
    for kernel in kernels_dsp.KERNELS if "dsp" in folders else ():
        if kernel.op == node.op and kernel.accepts(graph, node):
            return Chosen(kernel.name, 1, kernel.scratch(graph, node), kernel.sources)
    name = _file(graph, node)
    return Chosen(f"{FOLDER}/{name}", 1, _SCRATCH.get(name, no_scratch)(graph, node))


def _file(graph: Graph, node: Node) -> str:
    if node.op == "masked_sub":
        return "masked_add"
    if node.op == "sum_gradient":
        return "mul_gradient"
    if "sparse" in node.op:
        return node.op.replace("linear", "conv2d")
    is_layer = node.op in _LAYERS
    return (
        node.op.replace("conv2d", "linear") if is_layer and is_pointwise(graph, node) else node.op
    )


_COPIES = ("mean_gradient", "slice_gradient")
"""Operators whose kernels take elements of every size."""

_LAYERS = ("live_conv2d", "conv2d_input_gradient", "update_conv2d_weight")

_Measure = Callable[[Graph, Node], int]


def _per_output_channel(graph: Graph, node: Node) -> int:
    return 4 * graph.type(node.output).shape[-1]


def _per_input_channel_and_tap(graph: Graph, node: Node) -> int:
    return _per_output_channel(graph, node) + 4 * math.prod(ints(node.attrs, "shape")[1:-1])


def _per_position(graph: Graph, node: Node) -> int:
    return 4 * math.prod(graph.type(node.output).shape[:-1])


_SCRATCH: Mapping[str, _Measure] = {
    "live_depthwise_conv2d": _per_output_channel,
    "live_linear": _per_output_channel,
    "cross_entropy_gradient": lambda graph, node: 4 * math.prod(graph.type(node.output).shape),
    "conv2d_input_gradient": _per_output_channel,
    "depthwise_conv2d_input_gradient": _per_output_channel,
    "linear_input_gradient": _per_output_channel,
    "live_sparse_conv2d": _per_position,
    "sparse_conv2d_input_gradient": _per_input_channel_and_tap,
    "top_gradient": _per_output_channel,
    "mul_gradient": lambda graph, node: 4 * math.prod(graph.type(node.output).shape),
    "softmax_gradient": _per_output_channel,
    "resize_gradient": lambda graph, node: 4 * math.prod(graph.type(node.output).shape),
}

_FLOAT_SCRATCH: Mapping[str, _Measure] = {
    "top_gradient": _per_output_channel,
    "softmax_gradient": _per_output_channel,
}
