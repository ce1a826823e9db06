"""The forward part of a step: what each operator computes for later, and what it keeps.

Operators whose output depends on nothing trained stay as they are. The others also tell which of
their outputs were clamped, one bit each: int8 values alone do not, because -128 may be exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import DType, Graph, Node, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.ir.types import Array
from edge.quantization.constants import per_tensor, weighted
from edge.quantization.requantize import INT8_MAX, INT8_MIN
from edge.quantization.stored import activation_range
from edge.training.blocks import Places, can_be_cut, live_blocks
from edge.training.scales import bias_limit, trainable_channels
from edge.training.scheme import WEIGHTED, channel_axis
from edge.training.tape import Tape


@dataclass(frozen=True)
class Stored:
    """An operator of a layer as its weight is stored: further inputs and attributes."""

    op: str
    places: tuple[str, ...]
    attrs: Mapping[str, Attr]


_KEPT_WHOLE = (
    "lookup",
    "max_pool2d",
    "layer_norm",
    "softmax",
)  # operators whose gradient reads their input


def record(tape: Tape, node: Node) -> None:
    """Record the forward nodes of one operator and what the backward pass will read."""
    if node.output not in tape.flows:
        _record_plain(tape, node)
    elif node.op in WEIGHTED:
        _record_layer(tape, node)
    elif _may_clamp(tape.source, node):
        _record_masked(tape, node)
    else:
        _record_plain(tape, node)
        tape.saved[node.name] = {"x": node.inputs[0]} if node.op in _KEPT_WHOLE else {}


def mask_type(tensor: TensorType) -> TensorType:
    """One bit an element: bit i % 8 of byte i / 8."""
    return TensorType((-(-tensor.elements // 8),), DType.UINT8)


def _record_plain(tape: Tape, node: Node) -> None:
    for name in (*node.inputs, node.output):
        tape.borrow(name)
    tape.nodes.append(node)


def _may_clamp(graph: Graph, node: Node) -> bool:
    if node.op in ("add", "sub", "mul", "matmul", "requantize"):
        return True
    if node.op not in ("avg_pool2d", "mean"):
        return False
    same = per_tensor(graph, node, node.inputs[0]) == per_tensor(graph, node, node.output)
    return not same or activation_range(graph, node) != (INT8_MIN, INT8_MAX)


def _record_masked(tape: Tape, node: Node) -> None:
    for name in node.inputs:
        tape.borrow(name)
    mask = _append_with_mask(tape, replace(node, op=f"masked_{node.op}"))
    tape.saved[node.name] = {"mask": mask}


def _append_with_mask(tape: Tape, node: Node) -> str:
    """Record a node that makes its old output and the mask, whose name is returned."""
    mask = tape.fresh(f"{node.name}_mask")
    tape.values[mask] = Value(mask, mask_type(tape.source.type(node.output)))
    tape.borrow(node.output)
    tape.nodes.append(replace(node, outputs=(node.output, mask)))
    return mask


def _record_layer(tape: Tape, node: Node) -> None:
    graph, saved = tape.source, dict[str, str]()
    constants = weighted(graph, node)
    channels = graph.type(node.output).shape[-1]
    bias = _true_bias(graph, node, channels)
    limit = bias_limit(graph, node, constants.requantize)
    if node.name in tape.scheme.biases:
        bias_name = saved["bias"] = tape.state(f"{node.name}_bias", bias)
    else:
        bias_name = tape.constant(f"{node.name}_bias", bias)
    x = tape.borrow(node.inputs[0])
    saved["weight"] = _record_weight(tape, node, saved)
    tape.trainable[node.name] = trainable_channels(graph, node, bias, limit)
    tape.limits[node.name] = limit
    requantize = constants.requantize
    attrs = attributes(node) | {
        "in_zero_point": constants.in_zero_point,
        "zero_point": requantize.zero_point,
        "minimum": requantize.minimum,
        "maximum": requantize.maximum,
        "form": str(requantize.form),
    }
    inputs = (
        x, join(tape, node, saved), bias_name,
        tape.constant(f"{node.name}_multiplier", requantize.multiplier),
        tape.constant(f"{node.name}_shift", requantize.shift),
    )  # fmt: skip
    stored = in_blocks(tape, node, f"live_{node.op}", saved)
    live = replace(
        node, op=stored.op, inputs=(*inputs, *stored.places), attrs={**attrs, **stored.attrs}
    )
    saved["mask"] = _append_with_mask(tape, live)
    tape.saved[node.name] = saved


def _true_bias(graph: Graph, node: Node, channels: int) -> npt.NDArray[np.int32]:
    """int32[channels] without the folded zero point."""
    if len(node.inputs) > 2 and node.inputs[2]:
        return graph.constant(node.inputs[2]).astype(np.int32)
    return np.zeros(channels, np.int32)


def _record_weight(tape: Tape, node: Node, saved: dict[str, str]) -> str:
    """The weight as a constant, or its trained slice as a state and the rest as a constant."""
    trained = tape.scheme.weights.get(node.name, 0)
    if not trained:
        return tape.borrow(node.inputs[1])
    source = tape.source.values[node.inputs[1]]
    weight, axis = tape.source.constant(source.name), channel_axis(node)
    if _is_masked(tape, node):
        return _record_blocks(tape, node, saved, weight, trained)
    if attributes(node).get("groups", 1) != 1 and trained < weight.shape[axis]:
        raise fail("E0103", "part of a grouped convolution cannot be trained", node.where)
    first, rest = np.split(weight, [trained], axis)
    saved["high"] = tape.state(f"{node.name}_high", first, None)
    saved["low"] = ""
    if tape.settings.weights == "q8.8":
        saved["low"] = tape.state(f"{node.name}_low", np.full(first.shape, 128, np.uint8))
    saved["x"] = _input_slice(tape, node, trained)
    if not rest.shape[axis]:
        return saved["high"]
    saved["frozen"] = tape.constant(f"{node.name}_frozen", np.ascontiguousarray(rest))
    return ""


def _is_masked(tape: Tape, node: Node) -> bool:
    """Whether the layer has blocks that are 0 and are to stay so."""
    return tape.settings.masks != "none" and has_dead_blocks(tape.source, node)


def has_dead_blocks(graph: Graph, node: Node) -> bool:
    """Whether a layer has zero blocks and an operator that takes live ones alone."""
    weight = graph.constant(node.inputs[1])
    return (
        node.op != "depthwise_conv2d"
        and attributes(node).get("groups", 1) == 1
        and can_be_cut(weight.shape)
        and not live_blocks(weight).all()
    )


def _record_blocks(
    tape: Tape, node: Node, saved: dict[str, str], weight: Array, trained: int
) -> str:
    """The live blocks as a state, and where they are."""
    if trained < weight.shape[-1]:
        raise fail(
            "E0017", f"{node.name} has blocks that stay 0; a part of it cannot be trained",
            node.where, help=[f"all {weight.shape[-1]} input channels of it, or its bias alone"],
        )  # fmt: skip
    places = Places.of(live_blocks(weight))
    keep = tape.state if tape.settings.masks == "dynamic" else tape.constant
    high = places.gather(weight)
    saved["high"] = tape.state(f"{node.name}_high", high, None)
    saved["low"] = ""
    if tape.settings.weights == "q8.8":
        saved["low"] = tape.state(f"{node.name}_low", np.full(high.shape, 128, np.uint8))
    saved["columns"] = keep(f"{node.name}_columns", places.columns)
    saved["counts"] = keep(f"{node.name}_counts", places.counts)
    saved["x"] = tape.borrow(node.inputs[0])
    return saved["high"]


def in_blocks(tape: Tape, node: Node, op: str, saved: Mapping[str, str]) -> Stored:
    """What the operator `op` of a layer is called and takes beside, where blocks are stored."""
    if not saved.get("columns"):
        return Stored(op, (), {})
    sparse = op.replace(node.op, f"sparse_{node.op}")
    shape = tape.source.type(node.inputs[1]).shape
    return Stored(sparse, (saved["columns"], saved["counts"]), {"shape": shape})


def join(tape: Tape, node: Node, saved: dict[str, str]) -> str:
    """The whole weight of a layer: made anew for each reader, so that it need not be kept."""
    if saved["weight"]:
        return saved["weight"]
    shape = tape.source.type(node.inputs[1]).shape
    (joined,) = tape.node(
        "join_weight",
        f"{node.name}_join",
        (saved["high"], saved["frozen"]),
        {f"{node.name}_weight": TensorType(shape, DType.INT8)},
        {"axis": channel_axis(node)},
    )
    return joined


def _input_slice(tape: Tape, node: Node, channels: int) -> str:
    """The input channels that the weight gradient reads."""
    x = tape.borrow(node.inputs[0])
    tensor, all_ = tape.type(x), tape.source.type(node.inputs[1]).shape[channel_axis(node)]
    if channels == all_:
        return x
    if node.op == "depthwise_conv2d":
        channels = -(-channels * tensor.shape[-1] // all_)
    shape = (*tensor.shape[:-1], channels)
    attrs: dict[str, Attr] = {
        "begin": (0,) * len(shape), "end": shape, "strides": (1,) * len(shape)
    }  # fmt: skip
    sliced = replace(tensor, shape=shape)
    (name,) = tape.node("slice", f"{node.name}_keep", (x,), {f"{node.name}_x": sliced}, attrs)
    return name
