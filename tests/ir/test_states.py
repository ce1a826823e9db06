"""States of a graph: checked, printed and kept by every rewrite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.ir import DType, Graph, GraphError, Node, State, TensorType, Value, check, parse, to_text
from edge.passes import dead_code, drop_identity, fold_constants

SHAPE = (1, 2)


def running_sum(*, returned: str = "total", initial: float = 0.5) -> Graph:
    """total = before + x, and before becomes total."""
    names = ("x", "before", "total", "doubled")
    values = {name: Value(name, TensorType(SHAPE, DType.FLOAT32)) for name in names}
    nodes = (
        Node("sum", "add", ("before", "x"), ("total",)),
        Node("double", "add", ("x", "x"), ("doubled",)),
    )
    states = (State("before", "total", np.full(SHAPE, initial, np.float32)),)
    return check(Graph("sums", ("x",), (returned,), nodes, values, states=states))


def test_text_reads_back_with_the_initial_value() -> None:
    read = parse(to_text(running_sum()))
    assert to_text(read) == to_text(running_sum())
    np.testing.assert_array_equal(read.states[0].initial, np.full(SHAPE, 0.5, np.float32))


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (State("before", "doubled_", np.zeros(SHAPE, np.float32)), "never made"),
        (State("x", "total", np.zeros(SHAPE, np.float32)), "something else too"),
        (State("before", "total", np.zeros((1, 3), np.float32)), "starts otherwise"),
        (State("before", "total", np.zeros(SHAPE, np.int8)), "starts otherwise"),
    ],
)
def test_a_state_that_does_not_fit_is_named(state: State, problem: str) -> None:
    graph = replace(running_sum(), inputs=("x", "before"), states=(state,))
    with pytest.raises(GraphError, match=problem):
        check(graph if state.read == "x" else replace(graph, inputs=("x",)))


def test_a_state_keeps_one_type() -> None:
    graph = running_sum()
    values = {**graph.values, "x": Value("x", TensorType((1, 3), DType.FLOAT32))}
    states = (replace(graph.states[0], written="x"),)
    with pytest.raises(GraphError, match="another type"):
        check(replace(graph, nodes=(), values=values, outputs=("x",), states=states))


def test_what_a_used_state_becomes_is_no_dead_code() -> None:
    made = dead_code.run(replace(running_sum(), outputs=("before",)))
    assert [node.name for node in made.nodes] == ["sum"]
    assert len(made.states) == 1


def test_a_state_that_no_output_depends_on_goes() -> None:
    made = check(dead_code.run(running_sum(returned="doubled")))
    assert [node.name for node in made.nodes] == ["double"]
    assert made.states == ()


def test_rewiring_follows_what_a_state_becomes() -> None:
    graph = running_sum().rewire({"total": "doubled"})
    assert graph.states[0].written == "doubled"
    assert graph.outputs == ("doubled",)


def test_a_reshape_to_the_same_shape_goes_and_the_state_stays() -> None:
    graph = running_sum()
    kept = Value("kept", TensorType(SHAPE, DType.FLOAT32))
    same = Node("same", "reshape", ("total",), ("kept",), {"shape": SHAPE})
    states = (replace(graph.states[0], written="kept"),)
    grown = replace(graph, outputs=("doubled",), states=states)
    grown = check(grown.with_nodes([*graph.nodes, same], [kept]))
    made = check(drop_identity.run(grown))
    assert made.states[0].written == "total"


def test_a_state_that_becomes_a_constant_stays_computed() -> None:
    graph = running_sum()
    one = Value("one", TensorType(SHAPE, DType.FLOAT32), np.ones(SHAPE, np.float32))
    nodes = (
        Node("sum", "add", ("one", "one"), ("total",)),
        Node("double", "add", ("x", "before"), ("doubled",)),
    )
    graph = check(replace(graph, outputs=("doubled",)).with_nodes(nodes, [one]))
    assert len(check(fold_constants.run(graph)).nodes) == 2
