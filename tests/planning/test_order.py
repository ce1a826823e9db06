"""The order search helps where branches wait, and leaves everything else alone."""

from __future__ import annotations

from edge.ir import Graph
from edge.planning import plan
from edge.planning.cutting import residual_joins, single
from edge.planning.order import best_order
from edge.target import Target
from tests.planning import nets
from tests.planning.nets import Net


def own(graph: Graph) -> dict[str, str]:
    """Nothing shares bytes."""
    return {name: name for name in graph.values}


def names(groups: list[tuple[object, ...]]) -> list[str]:
    return [node.name for group in groups for node in group]


def branches() -> Graph:
    """The wide branch is listed first, so that its large result would wait for the other's."""
    net = Net()
    x = net.input(1, 8, 8, 2)
    wide = net.pointwise(x, 16)
    waiting = net.pointwise(x, 16)
    small = [net.conv(y, 1, (8, 8), padding=(0, 0, 0, 0)) for y in (wide, waiting)]
    return net.graph(net.node("concat", *small, axis=3))


def test_a_branch_is_finished_before_the_next_begins() -> None:
    graph = branches()
    order = names(best_order(graph, single(graph), own(graph)))
    assert order == ["conv2d0", "conv2d2", "conv2d1", "conv2d3", "concat4"]


def test_better_order_makes_a_smaller_arena(portable: Target) -> None:
    """Input 128 B, one branch 1,024 B, and the results of a byte each."""
    assert plan(branches(), portable).arena < 128 + 2 * 1024


def test_given_order_is_kept_where_no_other_is_better() -> None:
    graph = nets.resnet()
    groups = residual_joins(graph)
    assert best_order(graph, groups, own(graph)) == groups


def test_search_gives_up_on_too_many_branches() -> None:
    net = Net()
    x = net.input(1, 2, 2, 1)
    many = [net.pointwise(x, 1 + i % 3) for i in range(16)]
    graph = net.graph(net.node("concat", *many, axis=3))
    assert names(best_order(graph, single(graph), own(graph))) == [n.name for n in graph.nodes]


def test_join_takes_the_later_of_two_convolutions() -> None:
    net = Net()
    x = net.input(1, 6, 6, 4)
    first, later = net.conv(x, 4), net.conv(x, 4, (1, 1), (1, 1))
    graph = net.graph(net.node("add", later, first))
    assert [[n.name for n in group] for group in residual_joins(graph)] == [
        ["conv2d0"],
        ["conv2d1", "add2"],
    ]


def test_convolution_with_a_second_reader_is_not_joined() -> None:
    net = Net()
    x = net.input(1, 6, 6, 4)
    y = net.conv(x, 4)
    graph = net.graph(net.node("add", x, y), net.node("lookup", y, net.constant(256)))
    assert all(len(group) == 1 for group in residual_joins(graph))


def test_convolution_that_is_an_output_is_not_joined() -> None:
    net = Net()
    x = net.input(1, 6, 6, 4)
    y = net.conv(x, 4)
    graph = net.graph(net.node("add", x, y), y)
    assert all(len(group) == 1 for group in residual_joins(graph))
