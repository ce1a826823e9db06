"""From a graph and a pattern to the order of the channels in every space, and to the new graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edge.errors import fail
from edge.ir import Graph
from edge.ir.types import Array
from edge.passes.channels import take_channels
from edge.sparsity.patterns import NM, Block, Mask, Pattern, Scores, matrix_shape
from edge.sparsity.rearrangement.search import Best, Blocks, View, swap_search
from edge.sparsity.rearrangement.spaces import Order, Segments, Spaces, Weights, channel_spaces
from edge.sparsity.weights import weight_scores

_ROUNDS = 3  # thresholds and the orders of other spaces change what a space can gain


@dataclass(frozen=True, eq=False)
class Rearrangement:
    """The order that each axis of a constant gets: new[i] = old[order[i]] along that axis."""

    orders: Mapping[tuple[str, int], Order]

    def applied(self, graph: Graph) -> Graph:
        """The graph with its constants in the new order; it computes what it did before."""
        values = dict(graph.values)
        for (name, axis), order in self.orders.items():
            values[name] = take_channels(values[name], order, axis)
        return replace(graph, values=values)


def rearrange(
    graph: Graph,
    pattern: Pattern,
    sparsity: float | Mapping[str, float],
    *,
    squared: bool = False,
) -> Rearrangement:
    """The order of channels in which masks of `pattern` keep more of the weights' magnitude.

    `sparsity` is that of every layer that the pattern fits, or of the weights named. `squared`
    counts w^2 instead of |w|. No layer keeps less than before. Takes seconds for 256 channels.
    Raises EdgeError E0048 for a pattern that any order of the channels suits alike.
    """
    if not isinstance(pattern, Block | NM):
        help = ["blocks such as 1x4 and N:M such as 2:4 gain from it"]
        raise fail("E0048", f"pattern {pattern} has nothing to rearrange", help=help)
    spaces = channel_spaces(graph)
    layers = {layer.weight: weight_scores(graph, layer.weight, squared) for layer in spaces.layers}
    wanted = _wanted(pattern, sparsity, layers)
    search = _Search(pattern, spaces, wanted, {name: layers[name] for name in wanted})
    for _ in range(_ROUNDS):
        if not search.improve():
            break
    return Rearrangement(
        {
            key: search.order(segments)
            for key, segments in spaces.axes.items()
            if any(space in search.orders for space in segments)
        }
    )


def _wanted(
    pattern: Pattern, sparsity: float | Mapping[str, float], layers: Mapping[str, Scores]
) -> dict[str, float]:
    fitting = {
        name for name, scores in layers.items() if pattern.misfit(matrix_shape(scores)) is None
    }
    if isinstance(sparsity, Mapping):
        return {name: share for name, share in sparsity.items() if name in fitting and share > 0}
    return dict.fromkeys(sorted(fitting), sparsity)


@dataclass(eq=False)
class _Search:
    """The scores of the layers in their present order, and the orders found so far."""

    pattern: Block | NM
    spaces: Spaces
    sparsity: Mapping[str, float]
    scores: dict[str, Scores]

    def __post_init__(self) -> None:
        self.orders: dict[int, Order] = {}

    def improve(self) -> bool:
        """One round over all spaces; whether anything moved."""
        moved = [self._improve(space) for space in self.spaces.sizes]
        return any(moved)

    def _improve(self, space: int) -> bool:
        """Reorder one space, if no layer keeps less by it."""
        size = self.spaces.sizes[space]
        touched = [layer for layer in self._layers() if space in layer.into or space in layer.out]
        views = [view for layer in touched for view in self._views(layer, space)]
        order = swap_search(views, size) if views else np.arange(size)
        if np.array_equal(order, np.arange(size)):
            return False
        moved = {layer.weight: self._moved(layer, space, order) for layer in touched}
        if any(
            self._kept(name, scores) < self._kept(name, self.scores[name])
            for name, scores in moved.items()
        ):
            return False
        self.scores.update(moved)
        self.orders[space] = self.orders.get(space, np.arange(size))[order]
        return True

    def _layers(self) -> Iterable[Weights]:
        return (layer for layer in self.spaces.layers if layer.weight in self.sparsity)

    def _kept(self, name: str, scores: Scores) -> float:
        mask: Mask = self.pattern.mask(scores, self.sparsity[name])
        return float(scores[mask].sum(dtype=np.float64))

    def _views(self, layer: Weights, space: int) -> Iterable[View]:
        """How the layer sees the space: as columns of its blocks, and as rows of tall ones."""
        scores = self.scores[layer.weight]
        total = float(scores.sum())
        if total == 0:
            return
        if isinstance(self.pattern, NM):
            scores = self.pattern.shared(scores)
            for part in self._parts(layer.into, space, self.pattern.m):
                columns = scores[:, :, part].reshape(-1, part.stop - part.start)
                yield Best(columns, self.pattern.m, self.pattern.n, total)
            return
        yield from self._block_views(self.pattern, layer, space, scores, total)

    def _block_views(
        self, block: Block, layer: Weights, space: int, scores: Scores, total: float
    ) -> Iterable[View]:
        outputs, positions, inputs = scores.shape
        threshold = _threshold(block, scores, self.sparsity[layer.weight])
        rows = scores.reshape(outputs // block.out, block.out, positions, inputs).sum(axis=1)
        for part in self._parts(layer.into, space, block.into):
            columns = rows[:, :, part].reshape(-1, part.stop - part.start)
            yield Blocks(columns, block.into, threshold, total)
        if block.out > 1:
            wide = scores.reshape(outputs, -1, block.into).sum(axis=2)
            for part in self._parts(layer.out, space, block.out):
                yield Blocks(wide[part].T, block.out, threshold, total)

    def _parts(self, segments: Segments, space: int, group: int) -> Iterable[slice]:
        """Where a space is in an axis, if groups do not straddle its ends."""
        start = 0
        for segment in segments:
            width = self.spaces.widths[segment]
            if segment == space and start % group == 0 and width % group == 0:
                yield slice(start, start + width)
            start += width

    def _moved(self, layer: Weights, space: int, order: Order) -> Scores:
        out = self.spaces.order(layer.out, {space: order})
        into = self.spaces.order(layer.into, {space: order})
        return self.scores[layer.weight][out][:, :, into]

    def order(self, segments: Segments) -> Order:
        """The order of an axis that is made of segments."""
        return self.spaces.order(segments, self.orders)


def _threshold(block: Block, scores: Scores, sparsity: float) -> float:
    """The sum of the largest block that is removed at this sparsity."""
    sums = np.sort(block.unit_scores(scores)) * (block.out * block.into)
    return float(sums[min(int(sparsity * len(sums)), len(sums) - 1)])


def retained(scores: Array, mask: Mask) -> float:
    """The share of the scores that a mask keeps."""
    return float(scores[mask].sum(dtype=np.float64) / scores.sum(dtype=np.float64))
