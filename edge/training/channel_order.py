"""The channels that matter most come first, so that a slice of a weight holds them.

A layer is trained in its first input channels. Between two layers channels may come in any order
if both sides move, which changes no value that the network computes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.errors import fail
from edge.ir import Graph
from edge.sparsity.rearrangement.rearrange import Rearrangement
from edge.sparsity.rearrangement.spaces import Order, channel_spaces
from edge.training.scheme import channel_axis, weighted_layers
from edge.training.scores import Scores

Orders = Mapping[int, Order]
"""By channel space (`channel_spaces` of the graph): new[i] = old[order[i]]."""


def important_first(graph: Graph, scores: Scores) -> dict[int, Order]:
    """The orders by falling score, of equals as they were; a space that several layers read by the
    sum of its scores."""
    spaces = channel_spaces(graph)
    totals = {space: np.zeros(size) for space, size in spaces.sizes.items()}
    for layer in spaces.layers:
        at, channels = 0, scores.channels[layer.node]
        for segment in layer.into:
            width = spaces.widths[segment]
            if segment in totals:
                totals[segment] += channels[at : at + width]
            at += width
    orders = {space: np.argsort(-total, kind="stable") for space, total in totals.items()}
    return {s: order for s, order in orders.items() if (order != np.arange(len(order))).any()}


def reordered(graph: Graph, orders: Orders) -> Graph:
    """The graph with its channels in these orders; it computes what it did before.

    Raises EdgeError E0019 for orders of another graph.
    """
    spaces = channel_spaces(graph)
    for space, order in orders.items():
        if sorted(order) != list(range(spaces.sizes.get(space, 0))):
            raise fail(
                "E0019", f"{graph.name} has no channels in the order that the plan gives",
                help=["make the plan anew for this model"],
            )  # fmt: skip
    moved = {
        key: spaces.order(segments, orders)
        for key, segments in spaces.axes.items()
        if orders.keys() & set(segments)
    }
    return Rearrangement(moved).applied(graph)


def reordered_scores(graph: Graph, scores: Scores, orders: Orders) -> Scores:
    """The scores of the graph that `reordered` gives."""
    spaces = channel_spaces(graph)
    channels = dict(scores.channels)
    for node in weighted_layers(graph):
        segments = spaces.axes.get((node.inputs[1], channel_axis(node)))
        if segments:
            channels[node.name] = channels[node.name][spaces.order(segments, orders)]
    return Scores(scores.biases, channels)
