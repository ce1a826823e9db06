"""The kernel calls of a stage in execution order, read off a plan alone.

Generated code runs them in this order, and the checker replays them.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.ir import Graph, Node
from edge.planning.kernels import ALIAS, INPUT, arrival
from edge.planning.plan import Stage, Step
from edge.planning.rows import activations, bytes_read


def calls(graph: Graph, stage: Stage) -> Iterator[tuple[Step, int]]:
    """The kernel calls (step, row) of a stage in execution order.

    Each is found by going back from the last unfinished operator to one that has what it needs.
    What lives only inside the stage is made as far as it is wanted; a caller gives all its rows.
    """
    nodes = step_nodes(graph, stage)
    maker = {node.output: i for i, node in enumerate(nodes) if stage.steps[i].kernel != ALIAS}
    done = [0] * len(nodes)

    def next_row(index: int) -> int:
        rows = stage.steps[index].rows
        return rows - 1 - done[index] if stage.descending else done[index]

    def blocked_by(index: int) -> int | None:
        """An operator of this stage that must make another row before `index` can run."""
        for slot, name in activations(graph, nodes[index]):
            if name in maker:
                rows = stage.steps[maker[name]].rows
                size = graph.type(name).nbytes // rows
                reads = nodes[index], slot, next_row(index), stage.steps[index].rows
                low, high = bytes_read(graph, *reads)
                wanted = rows - low // size if stage.descending else -(-high // size)
                if low < high and done[maker[name]] < wanted:
                    return maker[name]
        return None

    for last in reversed(range(len(nodes))):
        while _is_needed(stage, nodes[last], last) and done[last] < stage.steps[last].rows:
            index = last
            while (before := blocked_by(index)) is not None:
                index = before
            yield stage.steps[index], next_row(index)
            done[index] += 1


def step_nodes(graph: Graph, stage: Stage) -> list[Node]:
    """The node of each step; one that stands for the caller where it gives an input's rows."""
    nodes = {node.name: node for node in graph.nodes}
    return [arrival(s.node) if s.kernel == INPUT else nodes[s.node] for s in stage.steps]


def _is_needed(stage: Stage, node: Node, index: int) -> bool:
    """Whether all rows of a step are made, whoever wants them."""
    return node.output not in stage.rings or stage.steps[index].kernel == INPUT
