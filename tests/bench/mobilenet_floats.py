"""MobileNet-v1 and -v2 (width 1, 224x224, 1000 classes) in float32 as files for every runtime.

Seeded weights, batch normalization folded by Edge. The same floats go into a .tflite file, where
layers that are mostly zeros may be stored sparse (for LiteRT's DENSIFY, which XNNPACK turns into
sparse kernels), and into an .onnx file. Padding is that of TensorFlow, as in mobilenet_files.py;
that of torch for pruned networks, since XNNPACK's sparse kernels ask for explicit padding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edge.frontends import load
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.shapes import ints
from edge.passes.pipeline import FLOAT_PASSES, run_passes
from tests.bench.mobilenet_files import MODELS, image, onnx_model, operator, padded_after, used
from tests.frontends.tflite_builder import Operator, Tensor, build_object, constant, pack
from tests.frontends.tflite_sparse import store_sparse
from tests.models.seeded import seeded

Floats = npt.NDArray[np.float32]


def float_graph(name: str, sparsity: float = 0.0, block: int = 4) -> Graph:
    """The network with this share of the weights of its pointwise convolutions set to 0.

    In each layer the blocks of `block` output channels x 1 input channel with the least magnitude
    go; with block 1 single weights.
    """
    sample = torch.from_numpy(image(0).transpose(0, 3, 1, 2).copy())
    graph = load(torch.export.export(seeded(MODELS[name]), (sample,))).graph
    graph = run_passes(graph, FLOAT_PASSES)
    if sparsity:
        return _pruned(graph, sparsity, block)
    return replace(graph, nodes=tuple(padded_after(node) for node in graph.nodes))


def is_pruned(graph: Graph, node: Node) -> bool:
    """Whether pruning is for a layer: a 1x1 convolution."""
    return node.op == "conv2d" and graph.type(node.inputs[1]).shape[1:3] == (1, 1)


def _pruned(graph: Graph, sparsity: float, block: int) -> Graph:
    values = dict(graph.values)
    for node in graph.nodes:
        if is_pruned(graph, node):
            name = node.inputs[1]
            weight = graph.constant(name).astype(np.float32)
            values[name] = replace(values[name], data=without_least(weight, sparsity, block))
    return replace(graph, values=values)


def without_least(weight: Floats, sparsity: float, block: int) -> Floats:
    """float32[out, 1, 1, in] without the blocks of the least sum of magnitudes."""
    blocks = weight.reshape(len(weight) // block, block, -1)
    magnitude = np.abs(blocks).sum(axis=1)
    dropped = np.argsort(magnitude, axis=None, kind="stable")[: int(sparsity * magnitude.size)]
    kept = np.ones(magnitude.size, np.float32)
    kept[dropped] = 0
    made: Floats = blocks * kept.reshape(len(blocks), 1, -1)
    return made.reshape(weight.shape)


def float_tflite(graph: Graph, sparse: bool = False) -> bytes:
    """The graph as a .tflite file; with `sparse` pruned weights are stored sparse, for DENSIFY."""
    tensors, operators = [_tensor(graph, name) for name in used(graph)], []
    pruned = {node.inputs[1] for node in graph.nodes if sparse and is_pruned(graph, node)}
    for name in sorted(pruned):
        tensors.append(constant(f"{name}.sparse", graph.constant(name)))
        operators.append(Operator("DENSIFY", (f"{name}.sparse",), (name,)))
    tensors = [replace(t, data=None) if t.name in pruned else t for t in tensors]
    for node in graph.nodes:
        made, extra = operator(graph, node)
        if attributes(node).get("padding") == (1, 1, 1, 1) and node.attrs["stride"] == (2, 2):
            pad, padded = _explicit_padding(graph, node)
            operators.append(pad)
            extra += padded
            inputs = (pad.outputs[0], *made.inputs[1:])
            made = replace(made, inputs=inputs, options={**made.options, "padding": _VALID})
        operators.append(made)
        tensors += extra
    model = build_object(tensors, operators, graph.inputs, graph.outputs)
    for tensor in model.subgraphs[0].tensors:
        if tensor.name.decode().endswith(".sparse"):
            dense = graph.constant(tensor.name.decode().removesuffix(".sparse"))
            store_sparse(model, tensor, dense, compressed=[3])
    return pack(model)


_VALID = 1  # of the schema's Padding


def _explicit_padding(graph: Graph, node: Node) -> tuple[Operator, list[Tensor]]:
    """A PAD of one row and column around the input of a convolution, and its tensors."""
    x = graph.type(node.inputs[0]).shape
    widths = constant(f"{node.name}.widths", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    padded = Tensor(f"{node.name}.padded", (1, x[1] + 2, x[2] + 2, x[3]), "float32")
    pad = Operator("PAD", (node.inputs[0], widths.name), (padded.name,))
    return pad, [widths, padded]


def _tensor(graph: Graph, name: str) -> Tensor:
    kind = graph.type(name)
    if graph.is_constant(name):
        return constant(name, graph.constant(name))
    return Tensor(name, kind.shape, str(kind.dtype))


def float_onnx(graph: Graph) -> bytes:
    """The graph as an .onnx file, NCHW."""
    return onnx_model(graph, _compute)


def _compute(draft: Any, graph: Graph, node: Node) -> str:
    """Add an operator to a growing ONNX graph; the name of its result."""
    attrs, name = attributes(node), node.output
    made = name if str(attrs.get("activation", "none")) == "none" else f"{name}.raw"
    if node.op == "add":
        draft.node("Add", list(node.inputs), made)
    elif node.op == "mean":
        pooled = draft.node("GlobalAveragePool", list(node.inputs), f"{made}.pooled")
        draft.node("Flatten", [pooled], made)
    else:
        _weighted(draft, graph, node, made)
    if made != name:
        limits = [draft.constant(f"{name}.{v}", np.float32(v).reshape(())) for v in (0, 6)]
        kept = limits if attrs["activation"] == "relu6" else limits[:1]
        draft.node("Clip", [made, *kept], name)
    return name


def _weighted(draft: Any, graph: Graph, node: Node, made: str) -> None:
    x, w, b = node.inputs
    axes = {"conv2d": (0, 3, 1, 2), "depthwise_conv2d": (3, 0, 1, 2), "linear": (0, 1)}[node.op]
    weight = np.ascontiguousarray(graph.constant(w).astype(np.float32).transpose(axes))
    inputs = [x, draft.constant(w, weight), draft.constant(b, graph.constant(b))]
    if node.op == "linear":
        draft.node("Gemm", inputs, made, transB=1)
        return
    top, bottom, left, right = ints(attributes(node), "padding")
    draft.node(
        "Conv", inputs, made, pads=[top, left, bottom, right],
        strides=list(ints(attributes(node), "stride")),
        group=len(weight) if node.op == "depthwise_conv2d" else 1,
    )  # fmt: skip
