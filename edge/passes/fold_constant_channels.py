"""Remove channels that never change or that nobody reads, exactly.

A channel whose weights are all zero always holds the requantized bias. A following convolution can
take it into its own bias, so neither the channel nor the weights that read it have to exist.
Through depthwise convolutions, pools and tables a constant stays constant, except where padding
shows at the border. Found in real models: 971 of 2,738 channels of MLPerf Tiny's vww.

First, forwards: which channels are constant, and their values by the reference kernels. Then,
backwards until nothing changes: which channels every reader can do without. Then all of these go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node, TensorType, Value
from edge.passes.channels import take_channels
from edge.passes.rewrite import ints
from edge.quantization.constants import WEIGHT_AXIS
from edge.reference import run as interpret
from edge.sparsity.block_rows import nonzero_blocks

Mask = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.generic]

_READ, _MADE = (4, 1), (4, 4)  # blocks that sparse kernels skip: of channels read, and made
_MIXES = ("conv2d", "linear")
_CHANNELWISE = ("max_pool2d", "avg_pool2d", "mean", "lookup", "requantize", "reshape")


@dataclass(frozen=True, eq=False)
class Channels:
    """Per channel of a value: whether it is constant, and its stored value where it is."""

    constant: Mask
    stored: npt.NDArray[np.int8]


def run(graph: Graph) -> Graph:
    """Remove constant channels; the outputs of the graph keep every bit."""
    known = _constant_channels(graph)
    dropped = _droppable(graph, known)
    if not any(mask.any() for mask in dropped.values()):
        return graph
    return _without(graph, known, dropped)


def _constant_channels(graph: Graph) -> dict[str, Channels]:
    known: dict[str, Channels] = {}
    for node in graph.nodes:
        independent = _independent(graph, node, known)
        if independent is not None and independent.any():
            known[node.output] = _evaluated(graph, node, known, independent)
    return known


def _mask(graph: Graph, known: Mapping[str, Channels], name: str) -> Mask:
    """Which channels (last axis) of a value are constant."""
    if name in known:
        return known[name].constant
    return np.zeros(graph.type(name).shape[-1], np.bool_)


def _independent(graph: Graph, node: Node, known: Mapping[str, Channels]) -> Mask | None:
    """Output channels that depend on constant input channels only; None for other operators."""
    if not _is_int8(graph, node):
        return None
    inputs = _mask(graph, known, node.inputs[0])
    if _mixes(node):
        weight = graph.constant(node.inputs[1])
        varying: Mask = weight.reshape(len(weight), -1, weight.shape[-1])[..., ~inputs] != 0
        return np.asarray((~varying).all(axis=(1, 2)))
    if node.op == "depthwise_conv2d":
        weight = graph.constant(node.inputs[1])
        multiplier = weight.shape[3] // len(inputs)
        silent = np.flatnonzero((weight == 0).all(axis=(0, 1, 2)))
        filtered = np.repeat(inputs, multiplier)
        filtered[silent] = True
        return filtered
    return inputs if _is_channelwise(graph, node) else None


def _is_int8(graph: Graph, node: Node) -> bool:
    return all(
        graph.type(name).dtype is DType.INT8 and len(graph.type(name).shape) >= 1
        for name in (node.inputs[0], node.output)
    )


def _is_channelwise(graph: Graph, node: Node) -> bool:
    """Whether output channel c depends on input channel c alone."""
    before, after = graph.type(node.inputs[0]).shape, graph.type(node.output).shape
    if node.op == "mean":
        return len(before) - 1 not in ints(node, "axes")
    if node.op == "reshape":
        return before[-1] == after[-1]
    return node.op in _CHANNELWISE


def _evaluated(
    graph: Graph, node: Node, known: Mapping[str, Channels], independent: Mask
) -> Channels:
    """The values of independent channels by the reference; not constant if they differ by place."""
    name = node.inputs[0]
    stored = known[name].stored if name in known else np.int8(0)
    fed = np.broadcast_to(stored, graph.type(name).shape).astype(np.int8)
    bare = replace(graph, inputs=(name,), outputs=(node.output,), states=())
    alone = bare.with_nodes([node])
    made = interpret(alone, [fed])[node.output].reshape(-1, len(independent))
    uniform: Mask = (made == made[0]).all(axis=0)
    return Channels(independent & uniform, made[0])


def _droppable(graph: Graph, known: Mapping[str, Channels]) -> dict[str, Mask]:
    """The channels of each value that can go: the largest set that agrees with itself."""
    dropped = {
        node.output: np.full(graph.type(node.output).shape[-1], _may_shrink(graph, node))
        for node in graph.nodes
    }
    while any(_shrink(graph, known, dropped, node) for node in reversed(graph.nodes)):
        pass
    return dropped


def _may_shrink(graph: Graph, node: Node) -> bool:
    return (_mixes(node) or _passes_on(graph, node)) and node.output not in graph.kept


def _mixes(node: Node) -> bool:
    return node.op in _MIXES and node.attrs.get("groups", 1) == 1


def _passes_on(graph: Graph, node: Node) -> bool:
    """Whether the operator can lose an output channel together with the input channel alone."""
    if not _is_int8(graph, node):
        return False
    before, after = (graph.type(name).shape[-1:] for name in (node.inputs[0], node.output))
    return before == after and (node.op == "depthwise_conv2d" or _is_channelwise(graph, node))


def _shrink(
    graph: Graph, known: Mapping[str, Channels], dropped: dict[str, Mask], node: Node
) -> bool:
    """Take back what some reader needs, or what the operator's own input keeps; True if any."""
    before = dropped[node.output]
    if not before.any():
        return False
    mask = before.copy()
    for reader in graph.consumers[node.output]:
        mask &= _spared(graph, known, dropped, reader, node.output)
        if _mixes(reader):
            read = graph.constant(reader.inputs[1])
            mask = _beside_blocks(read.reshape(-1, read.shape[-1]).T, _READ, mask)
    if _mixes(node):
        made = graph.constant(node.inputs[1])
        mask = _beside_blocks(made.reshape(len(made), -1), _MADE, mask)
    if not _mixes(node):
        mask &= dropped.get(node.inputs[0], np.zeros_like(mask))
    if mask.all():
        mask[0] = False
    dropped[node.output] = mask
    return bool((mask != before).any())


def _spared(
    graph: Graph,
    known: Mapping[str, Channels],
    dropped: Mapping[str, Mask],
    reader: Node,
    name: str,
) -> Mask:
    """The channels of `name` that `reader` can do without."""
    if reader.inputs[0] == name and _mixes(reader) and _is_int8(graph, reader):
        return _unread(graph, reader) | _into_bias(graph, known, reader)
    if reader.inputs[0] == name and _passes_on(graph, reader):
        return dropped[reader.output]
    return np.zeros(graph.type(name).shape[-1], np.bool_)


def _beside_blocks(weights: Weights, block: tuple[int, int], mask: Mask) -> Mask:
    """What may go of the channels in `mask`, [channels, others] being weights of theirs.

    A channel that goes shifts those behind it. Where blocks of zeros, which sparse kernels skip,
    would break apart so that more remain to be read, channels go in whole blocks only. A number
    of channels that is no multiple of a block's leaves no blocks at all.
    """
    height = block[0]
    words = np.pad(mask, (0, -len(mask) % height), constant_values=True).reshape(-1, height)
    whole: Mask = np.repeat(words.all(axis=1), height)[: len(mask)]
    shifted = weights[~mask] != 0
    if len(shifted) % height:
        shifted = np.repeat(shifted.any(axis=0, keepdims=True), len(shifted), axis=0)
    less = nonzero_blocks(shifted, block) <= nonzero_blocks(weights[~whole], block)
    return mask if less else whole


def _unread(graph: Graph, reader: Node) -> Mask:
    weight = graph.constant(reader.inputs[1])
    unread: Mask = ~(weight.reshape(-1, weight.shape[-1]) != 0).any(axis=0)
    return unread


def _into_bias(graph: Graph, known: Mapping[str, Channels], reader: Node) -> Mask:
    """Constants can move into a bias unless padding, which is zero, would show beside them."""
    name = reader.inputs[0]
    if name not in known:
        return np.zeros(graph.type(name).shape[-1], np.bool_)
    padded = reader.op == "conv2d" and any(ints(reader, "padding"))
    zero: Mask = known[name].stored == _zero_point(graph, name)
    return known[name].constant & (zero if padded else True)


def _zero_point(graph: Graph, name: str) -> int:
    quantization = graph.type(name).quantization
    return quantization.zero_point[0] if quantization else 0


def _without(graph: Graph, known: Mapping[str, Channels], dropped: Mapping[str, Mask]) -> Graph:
    """The graph with the dropped channels cut out of activations, weights and biases."""
    keep = {name: np.flatnonzero(~mask) for name, mask in dropped.items() if mask.any()}
    values = [take_channels(graph.values[name], index, -1) for name, index in keep.items()]
    nodes: list[Node] = []
    for node in graph.nodes:
        touched = node.inputs[0] in keep or node.output in keep
        changed, constants = (_CUT.get(node.op, _same) if touched else _same)(
            graph, known, keep, node
        )
        nodes.append(changed)
        values += constants
    return graph.with_nodes(nodes, values)


Keep = Mapping[str, npt.NDArray[np.intp]]
_Changed = tuple[Node, list[Value]]
_Cut = Callable[[Graph, Mapping[str, Channels], Keep, Node], _Changed]


def _same(graph: Graph, known: Mapping[str, Channels], keep: Keep, node: Node) -> _Changed:
    return node, []


def _cut_reshape(graph: Graph, known: Mapping[str, Channels], keep: Keep, node: Node) -> _Changed:
    shape = (*ints(node, "shape")[:-1], len(keep[node.output]))
    return replace(node, attrs={**node.attrs, "shape": shape}), []


def _cut_weighted(graph: Graph, known: Mapping[str, Channels], keep: Keep, node: Node) -> _Changed:
    """Cut weights and bias; constant inputs move into the bias."""
    source = node.inputs[0]
    weight, bias = graph.values[node.inputs[1]], _bias(graph, node)
    if source in keep and node.op in _MIXES:
        bias = bias + _absorbed(graph, known, keep[source], node)
        weight = take_channels(weight, keep[source], -1)
    if node.output in keep:
        bias = bias[keep[node.output]]
        weight = take_channels(weight, keep[node.output], WEIGHT_AXIS[node.op])
    kept_weight = replace(weight, name=graph.fresh(f"{node.name}_kept_weight"))
    kept_bias = _bias_value(graph.fresh(f"{node.name}_kept_bias"), bias)
    inputs = (source, kept_weight.name, kept_bias.name)
    return replace(node, inputs=inputs), [kept_weight, kept_bias]


_CUT: dict[str, _Cut] = {
    "conv2d": _cut_weighted,
    "linear": _cut_weighted,
    "depthwise_conv2d": _cut_weighted,
    "reshape": _cut_reshape,
}


def _bias(graph: Graph, node: Node) -> npt.NDArray[np.int64]:
    if len(node.inputs) > 2 and node.inputs[2]:
        return graph.constant(node.inputs[2]).astype(np.int64)
    return np.zeros(graph.type(node.output).shape[-1], np.int64)


def _bias_value(name: str, bias: npt.NDArray[np.int64]) -> Value:
    """Absorbing adds at most 255 * 127 a weight, and biases are far from the ends of int32."""
    if bias.size and np.abs(bias).max() > np.iinfo(np.int32).max:
        raise OverflowError(f"{name} exceeds int32")
    return Value(name, TensorType(bias.shape, DType.INT32), bias.astype(np.int32))


def _absorbed(
    graph: Graph, known: Mapping[str, Channels], kept: npt.NDArray[np.intp], node: Node
) -> npt.NDArray[np.int64]:
    """int64[out_channels]: what the dropped input channels always add to the sums."""
    name = node.inputs[0]
    weight = graph.constant(node.inputs[1]).astype(np.int64)
    sums = weight.reshape(len(weight), -1, weight.shape[-1]).sum(axis=1)
    if name not in known:
        return np.zeros(len(weight), np.int64)
    gone = np.setdiff1d(np.arange(weight.shape[-1]), kept)
    offset = known[name].stored[gone].astype(np.int64) - _zero_point(graph, name)
    absorbed: npt.NDArray[np.int64] = sums[:, gone] @ offset
    return absorbed
