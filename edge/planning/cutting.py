"""Which operators are executed together in one stage.

A convolution whose only reader is an add of the same shape can run in lock step with it, so that
its result is never stored whole. Such joins are made only where they lower the peak: fewer joins
mean fewer calls on short rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.ir import Graph, Node
from edge.planning.kernels import ARRIVAL, Kernel
from edge.planning.lifetimes import StageWork, live_bytes, stage_work, tensor_items
from edge.planning.rows import row_count
from edge.planning.stages import make_run

Group = tuple[Node, ...]  # the nodes of one stage

_JOINED = ("conv2d", "depthwise_conv2d", "linear")


def single(graph: Graph) -> list[Group]:
    """Each operator a stage of its own."""
    return [(node,) for node in graph.nodes]


def residual_joins(graph: Graph) -> list[Group]:
    """Each convolution that may run in lock step with its add is put together with it."""
    joined = {add.name: conv for add in graph.nodes if (conv := _joinable(graph, add))}
    taken = {conv.name for conv in joined.values()}
    return [
        (joined[node.name], node) if node.name in joined else (node,)
        for node in graph.nodes
        if node.name not in taken
    ]


def _joinable(graph: Graph, add: Node) -> Node | None:
    """The convolution that was made last of an add's operands, if nobody else reads it."""
    if add.op not in ("add", "sub") or len(set(add.inputs)) < 2:
        return None
    place = {node.name: i for i, node in enumerate(graph.nodes)}
    made = [graph.producers[name] for name in add.inputs if name in graph.producers]
    latest = max(made, key=lambda node: place[node.name], default=None)
    if latest is None or latest.op not in _JOINED:
        return None
    output = latest.output
    shapes = {graph.type(name).shape for name in (*add.inputs, add.output)}
    alone = graph.consumers[output] == (add,) and output not in graph.kept
    return latest if alone and len(shapes) == 1 and row_count(graph.type(output)) > 1 else None


def works_of(
    graph: Graph, kernels: Mapping[str, Kernel], owner: Mapping[str, str], groups: Sequence[Group]
) -> list[StageWork]:
    return [stage_work(graph, make_run(graph, kernels, group), owner) for group in groups]


def fewest_joins(
    graph: Graph, kernels: Mapping[str, Kernel], owner: Mapping[str, str], groups: Sequence[Group]
) -> list[StageWork]:
    """Split the groups again whose operators one by one need no more memory than the peak."""
    joined = works_of(graph, kernels, owner, groups)
    limit = max(live_bytes(graph, joined, tensor_items(graph, joined, owner)))
    split = works_of(graph, kernels, owner, parts(groups))
    cost = live_bytes(graph, split, tensor_items(graph, split, owner))
    chosen: list[StageWork] = []
    at = 0
    for work, group in zip(joined, groups, strict=True):
        end = at + len(_parts(group))
        chosen += split[at:end] if max(cost[at:end]) <= limit else [work]
        at = end
    return chosen


def parts(groups: Sequence[Group]) -> list[Group]:
    """The operators by themselves; the one that takes a streamed input keeps it."""
    return [part for group in groups for part in _parts(group)]


def _parts(group: Group) -> list[Group]:
    """The operators of a group by themselves; the one that takes a streamed input keeps it."""
    head = 2 if group[0].op == ARRIVAL.op else 1
    return [group[:head], *((node,) for node in group[head:])]
