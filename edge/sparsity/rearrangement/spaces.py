"""Channel spaces: which channels of a graph move together.

The last axis of every activation is made of segments, each a space of channels that can be put in
any order. Elementwise operators tie the spaces of their operands, a concatenation lines segments
up, a flattened image repeats one; inputs, outputs, states and operators that tell channels apart
pin a space to the order it has. Every constant axis is listed with its segments: what has to be
permuted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node
from edge.ir.ops import attributes

Segments = tuple[int, ...]
Order = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Weights:
    """A layer that blocks can be found in: its weight and the segments of both of its axes.

    `out` is axis 0 of the weight, `into` its last axis.
    """

    node: str
    weight: str
    out: Segments
    into: Segments


@dataclass(frozen=True)
class Spaces:
    """Sizes of the spaces that may be permuted, the axes that move with them, and the layers.

    `axes` maps a constant and one of its axes to segments; those not in `sizes` stay in order.
    `order` of `sizes` is that of the network. `widths` has the size of every segment.
    """

    sizes: Mapping[int, int]
    widths: Mapping[int, int]
    axes: Mapping[tuple[str, int], Segments]
    layers: Sequence[Weights]

    def order(self, segments: Segments, orders: Mapping[int, Order]) -> Order:
        """The order of an axis from those of spaces; others stay as they are."""
        parts, start = [], 0
        for segment in segments:
            width = self.widths[segment]
            parts.append(start + orders.get(segment, np.arange(width)))
            start += width
        return np.concatenate(parts)


def channel_spaces(graph: Graph) -> Spaces:
    """The spaces of a float or int8 graph."""
    walk = _Walk(graph)
    for name in graph.given:
        walk.channels[name] = walk.pinned(name)
    for node in graph.nodes:
        rule = _RULES.get(node.op, _pin)
        rule(walk, node)
    for name in graph.kept:
        walk.pin(walk.axis(name))
    return walk.spaces()


@dataclass
class _Walk:
    """Union-find over spaces while the nodes are visited in order."""

    graph: Graph
    channels: dict[str, Segments] = field(default_factory=dict)
    parent: list[int] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    axes: dict[tuple[str, int], Segments] = field(default_factory=dict)
    layers: list[Weights] = field(default_factory=list)

    def fresh(self, width: int) -> Segments:
        self.parent.append(len(self.parent))
        self.width.append(width)
        return (self.parent[-1],)

    def pinned(self, name: str) -> Segments:
        """A new space for a value whose channels keep their order."""
        shape = self.graph.type(name).shape
        segments = self.fresh(shape[-1] if shape else 1)
        self.pin(segments)
        return segments

    def pin(self, segments: Segments) -> None:
        self.fixed.update(segments)

    def axis(self, name: str) -> Segments:
        """The segments of a value's last axis; a constant read as a whole stays as it is."""
        if name not in self.channels:
            self.channels[name] = self.pinned(name)
            self.held.add(name)
        return self.channels[name]

    def root(self, space: int) -> int:
        while self.parent[space] != space:
            space = self.parent[space]
        return space

    def tie(self, one: Segments, other: Segments) -> None:
        """Make two axes move together; where their segments do not line up, keep both in order."""
        if [self.width[s] for s in one] != [self.width[s] for s in other]:
            self.pin((*one, *other))
            return
        for a, b in zip(one, other, strict=True):
            self.parent[self.root(b)] = self.root(a)

    def constant(self, name: str, axis: int, segments: Segments) -> None:
        """An axis of a constant moves with segments; one that is computed pins them."""
        if not name:
            return
        if not self.graph.is_constant(name):
            self.pin(segments)
        elif (name, axis) in self.axes:
            self.tie(self.axes[name, axis], segments)
        else:
            self.axes[name, axis] = segments

    def spaces(self) -> Spaces:
        for (name, _), segments in self.axes.items():
            if name in self.held:
                self.pin(segments)
        fixed = {self.root(space) for space in self.fixed}
        roots = [s for s in range(len(self.parent)) if self.root(s) == s]
        return Spaces(
            {s: self.width[s] for s in roots if s not in fixed and self.width[s] > 1},
            {s: self.width[s] for s in roots},
            {key: self._rooted(segments) for key, segments in self.axes.items()},
            [
                Weights(w.node, w.weight, self._rooted(w.out), self._rooted(w.into))
                for w in self.layers
            ],
        )

    def _rooted(self, segments: Segments) -> Segments:
        return tuple(self.root(space) for space in segments)


def _pin(walk: _Walk, node: Node) -> None:
    """An operator that may tell channels apart."""
    for name in node.inputs:
        if name:
            walk.pin(walk.axis(name))
    for name in node.outputs:
        walk.channels[name] = walk.pinned(name)


def _same(walk: _Walk, node: Node) -> None:
    """Every channel by itself, in its place."""
    walk.channels[node.output] = walk.axis(node.inputs[0])


def _weighted(walk: _Walk, node: Node) -> None:
    """A convolution or linear layer: new output channels, all input channels summed up."""
    x, weight, *bias = node.inputs
    if attributes(node).get("groups", 1) != 1 or not walk.graph.is_constant(weight):
        _pin(walk, node)
        return
    shape = walk.graph.type(weight).shape
    out, into = walk.fresh(shape[0]), walk.axis(x)
    walk.constant(weight, 0, out)
    walk.constant(weight, len(shape) - 1, into)
    for name in bias:
        walk.constant(name, 0, out)
    walk.channels[node.output] = out
    walk.layers.append(Weights(node.name, weight, out, into))


def _depthwise(walk: _Walk, node: Node) -> None:
    """A filter for each channel; with several for each they would move in groups: pinned."""
    x, weight, *bias = node.inputs
    if walk.graph.type(weight).shape[3] != walk.graph.type(x).shape[3]:
        _pin(walk, node)
        return
    _same(walk, node)
    walk.constant(weight, 3, walk.axis(x))
    for name in bias:
        walk.constant(name, 0, walk.axis(x))


def _batch_norm(walk: _Walk, node: Node) -> None:
    _same(walk, node)
    for name in node.inputs[1:]:
        walk.constant(name, 0, walk.axis(node.inputs[0]))


def _elementwise(walk: _Walk, node: Node) -> None:
    """Operands of equal channels move together; one that is the same for all does not matter."""
    channels = walk.graph.type(node.output).shape[-1:]
    wide = [name for name in node.inputs if walk.graph.type(name).shape[-1:] == channels]
    computed = [name for name in wide if not walk.graph.is_constant(name)]
    if not channels or not computed:
        _pin(walk, node)
        return
    axis = walk.axis(computed[0])
    for name in computed[1:]:
        walk.tie(axis, walk.axis(name))
    for name in set(wide) - set(computed):
        walk.constant(name, len(walk.graph.type(name).shape) - 1, axis)
    for name in set(node.inputs) - set(wide):
        if not walk.graph.is_constant(name):
            walk.pin(walk.axis(name))
    walk.channels[node.output] = axis


def _concat(walk: _Walk, node: Node) -> None:
    axes = [walk.axis(name) for name in node.inputs]
    rank = len(walk.graph.type(node.output).shape)
    if cast(int, node.attrs["axis"]) % rank == rank - 1:
        walk.channels[node.output] = tuple(space for axis in axes for space in axis)
        return
    for axis in axes[1:]:
        walk.tie(axes[0], axis)
    walk.channels[node.output] = axes[0]


def _reshape(walk: _Walk, node: Node) -> None:
    """The last axis stays, or takes in whole axes before it, which repeats the channels."""
    x, made = walk.graph.type(node.inputs[0]).shape, walk.graph.type(node.output).shape
    tails = [math.prod(x[i:]) for i in range(len(x))]
    if made and x and made[-1] in tails:
        walk.channels[node.output] = walk.axis(node.inputs[0]) * (made[-1] // x[-1])
    else:
        _pin(walk, node)


def _mean(walk: _Walk, node: Node) -> None:
    rank = len(walk.graph.type(node.inputs[0]).shape)
    axes = cast("tuple[int, ...]", node.attrs["axes"])
    (_pin if rank - 1 in {axis % rank for axis in axes} else _same)(walk, node)


def _keeps_channels(walk: _Walk, node: Node) -> None:
    """Padding, slicing or resizing that leaves the last axis alone."""
    x, made = walk.graph.type(node.inputs[0]).shape, walk.graph.type(node.output).shape
    whole = x[-1] == made[-1] and len(x) == len(made)
    (_same if whole else _pin)(walk, node)


def _transpose(walk: _Walk, node: Node) -> None:
    permutation = cast("tuple[int, ...]", node.attrs["permutation"])
    (_same if permutation[-1] == len(permutation) - 1 else _pin)(walk, node)


_RULES: dict[str, Callable[[_Walk, Node], None]] = {
    "conv2d": _weighted,
    "linear": _weighted,
    "depthwise_conv2d": _depthwise,
    "batch_norm": _batch_norm,
    "add": _elementwise,
    "sub": _elementwise,
    "mul": _elementwise,
    "concat": _concat,
    "reshape": _reshape,
    "mean": _mean,
    "pad": _keeps_channels,
    "slice": _keeps_channels,
    "resize": _keeps_channels,
    "transpose": _transpose,
    **dict.fromkeys(
        ("avg_pool2d", "max_pool2d", "softmax", "unary", "lookup", "quantize", "dequantize",
         "requantize"),
        _same,
    ),
}  # fmt: skip
