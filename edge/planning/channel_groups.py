"""Quantities of kernels that make a group of channels at a time and the rest one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.ir import Graph, Node
from edge.planning.costs import channels, inputs, pixels
from edge.planning.kernels import pair


@dataclass(frozen=True)
class ChannelGroups:
    """Groups of `size` channels; with `overlap` the last group may overlap another."""

    size: int
    overlap: bool = False

    def _of_pixel(self, graph: Graph, node: Node) -> tuple[int, int]:
        """Groups and channels alone."""
        count = channels(graph, node)
        if self.overlap and count >= self.size:
            return -(-count // self.size), 0
        return divmod(count, self.size)

    def groups(self, graph: Graph, node: Node) -> int:
        """Those of all pixels of the output."""
        return pixels(graph, node) * self._of_pixel(graph, node)[0]

    def outputs_alone(self, graph: Graph, node: Node) -> int:
        return pixels(graph, node) * self._of_pixel(graph, node)[1]

    def window_groups(self, graph: Graph, node: Node) -> int:
        """Groups under the pooling windows of all outputs."""
        return math.prod(pair(node, "kernel")) * self.groups(graph, node)

    def positions_alone(self, graph: Graph, node: Node) -> int:
        return math.prod(pair(node, "kernel")) * self.outputs_alone(graph, node)

    def input_groups(self, graph: Graph, node: Node) -> int:
        """Groups of all pixels of the input."""
        count = channels(graph, node)
        return inputs(graph, node) // count * self._of_pixel(graph, node)[0]

    def inputs_alone(self, graph: Graph, node: Node) -> int:
        count = channels(graph, node)
        return inputs(graph, node) // count * self._of_pixel(graph, node)[1]
