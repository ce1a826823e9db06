"""Schedules, rings and row rules of stages with several operators."""

from __future__ import annotations

import numpy as np
import pytest

from edge.ir import Graph
from edge.planning import check_plan
from edge.planning.calls import calls
from edge.planning.choice import cheapest
from edge.planning.rows import bytes_read, row_bytes, row_count
from edge.planning.stages import make_run, ring_rows, schedule
from edge.reference import run
from tests.planning import nets
from tests.planning.apart import apart
from tests.planning.execution import Machine
from tests.planning.nets import Net


def chain() -> Graph:
    net = Net()
    x = net.conv(net.input(1, 11, 5, 3), 4, (3, 3), (2, 1))
    x = net.pointwise(net.depthwise(x), 6)
    return net.graph(net.node("max_pool2d", x, kernel=(2, 2), stride=(2, 2)))


def block() -> Graph:
    """Two residual blocks: rows of the skip connections wait for the convolutions."""
    net = Net()
    x = net.input(1, 9, 4, 3)
    for _ in range(2):
        y = net.conv(net.conv(x, 3), 3, (5, 3))
        x = net.node("add", x, y)
    return net.graph(x)


def test_operator_nearest_to_the_output_runs_first() -> None:
    net = Net()
    x = net.conv(net.input(1, 5, 3, 1), 2)
    graph = net.graph(net.depthwise(x, (3, 3), (2, 2), (1, 1, 1, 1)))
    run_ = make_run(graph, cheapest(graph, ("ref",)), graph.nodes)
    made = [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3), (1, 1), (0, 4), (1, 2)]
    assert schedule(graph, run_) == made
    assert schedule(graph, run_, descending=True) == [(i, (4, 2)[i] - row) for i, row in made]


def test_skip_connection_keeps_the_rows_it_waits_with() -> None:
    """The window of 3 reads rows y-1..y+1, that of 5 needs two more: the input waits 4 rows.

    The second operand is made where the sum is written, which is a whole tensor of 12 rows.
    """
    net = Net()
    x = net.pointwise(net.input(1, 12, 3, 2), 2)
    y = net.conv(net.conv(x, 2), 2, (5, 1))
    graph = net.graph(net.node("add", x, y))
    run_ = make_run(graph, cheapest(graph, ("ref",)), graph.nodes)
    rings = ring_rows(graph, run_, schedule(graph, run_))
    assert run_.in_place == {y: "t3"}
    assert rings == {x: 4, "t1": 5, y: 12}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("net", [chain, block])
def test_stage_of_all_operators_computes_the_same(net: type[Graph], descending: bool) -> None:
    graph = net()
    made = apart(graph, [graph.nodes], ("ref",)).plan(way=int(descending))
    check_plan(graph, made)
    x = np.random.default_rng(0).integers(-128, 128, graph.type("x0").shape).astype(np.int8)
    Machine(graph, made).run({"x0": x}, run(graph, [x], values=True))


@pytest.mark.parametrize("descending", [False, True])
def test_checker_and_solver_agree_on_the_order_of_calls(descending: bool) -> None:
    graph = block()
    model = apart(graph, [graph.nodes], ("ref",))
    [stage] = model.plan(way=int(descending)).stages
    names = [step.node for step in stage.steps]
    replayed = [(names.index(step.node), row) for step, row in calls(graph, stage)]
    assert replayed == schedule(graph, model.works[0].run, descending)


def test_window_reads_its_rows_and_none_of_the_padding() -> None:
    net = Net()
    net.conv(net.input(1, 7, 2, 5), 3, (3, 2), (2, 1), (1, 1, 0, 0))
    graph = net.graph("t0")
    rows = [bytes_read(graph, graph.nodes[0], 0, y, 4) for y in range(4)]
    assert rows == [(0, 20), (10, 40), (30, 60), (50, 70)]


def test_dilated_window_reads_the_rows_between_its_taps() -> None:
    net = Net()
    x = net.input(1, 9, 1, 1)
    net.node("conv2d", x, net.constant(1, 3, 1, 1), padding=(2, 2, 0, 0), dilation=(2, 1))
    graph = net.graph("t0")
    assert [bytes_read(graph, graph.nodes[0], 0, y, 9) for y in (0, 4)] == [(0, 3), (2, 7)]


def test_window_in_the_padding_reads_nothing() -> None:
    net = Net()
    net.conv(net.input(1, 3, 1, 1), 1, (2, 1), (1, 1), (2, 0, 0, 0))
    graph = net.graph("t0")
    assert bytes_read(graph, graph.nodes[0], 0, 0, 4) == (0, 0)


def test_only_an_image_of_one_sample_has_rows() -> None:
    net = Net()
    image, batch, vector = net.input(1, 6, 5, 2), net.input(2, 6, 5, 2), net.input(1, 30)
    types = [net.values[name].type for name in (image, batch, vector)]
    assert [row_count(t) for t in types] == [6, 1, 1]
    assert [row_bytes(t) for t in types] == [10, 120, 30]


def test_flat_kernel_gets_one_row_alone_and_all_rows_in_company() -> None:
    graph = chain()
    kernels = cheapest(graph, ("ref",))
    pointwise = graph.nodes[2]
    assert make_run(graph, kernels, [pointwise]).operators[0].rows == 1
    assert make_run(graph, kernels, graph.nodes).operators[2].rows == 6


def test_join_runs_the_convolution_one_row_ahead_of_the_add() -> None:
    graph = nets.resnet()
    model = apart(graph, [graph.nodes[2:4]], ("ref",))
    [work] = model.works
    assert work.rings == {"t2": 1}
    assert schedule(graph, work.run)[:4] == [(0, 0), (1, 0), (0, 1), (1, 1)]
