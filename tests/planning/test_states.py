"""States have a place of their own: nothing else takes it, and the new value ends up there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import DType, Graph, Node, Quantization, State, TensorType, Value, check
from edge.planning import Plan, PlanError, check_plan, plan
from edge.planning.states import copies
from edge.target import load_target

TARGET = load_target("cortex-m7")
ONE = Quantization.per_tensor(1.0, 0)


def model(
    nodes: list[Node], shapes: dict[str, tuple[int, ...]], states: list[tuple[str, str]]
) -> Graph:
    """An int8 graph from x to y in which every value has the same quantization."""
    values = {n: Value(n, TensorType(shape, DType.INT8, ONE)) for n, shape in shapes.items()}
    kept = tuple(State(r, w, np.zeros(shapes[r], np.int8)) for r, w in states)
    return check(Graph("model", ("x",), ("y",), tuple(nodes), values, states=kept))


def window() -> Graph:
    """The last four rows of a stream; y is their sum with themselves."""
    nodes = [
        Node("cat", "concat", ("old", "x"), ("all",), {"axis": 1}),
        Node("drop", "slice", ("all",), ("new",), _rows(1, 5)),
        Node("twice", "add", ("new", "new"), ("y",)),
    ]
    shapes = {"x": (1, 1, 8), "old": (1, 4, 8), "all": (1, 5, 8), "new": (1, 4, 8), "y": (1, 4, 8)}
    return model(nodes, shapes, [("old", "new")])


def running_sum() -> Graph:
    """The old value is read by the very operator that makes the new one."""
    nodes = [Node("sum", "add", ("old", "x"), ("new",)), Node("twice", "add", ("new", "x"), ("y",))]
    return model(nodes, dict.fromkeys(("x", "old", "new", "y"), (1, 8)), [("old", "new")])


def delay() -> Graph:
    """Three calls from x to y; each state takes over what another one held."""
    nodes = [Node("sum", "add", ("c", "x"), ("y",))]
    shapes = dict.fromkeys(("x", "a", "b", "c", "y"), (1, 8))
    return model(nodes, shapes, [("a", "x"), ("b", "a"), ("c", "b")])


def old_value_read_late() -> Graph:
    """The new value is made before the old one is read for the last time."""
    nodes = [
        Node("sum", "add", ("old", "x"), ("new",)),
        Node("mixed", "mul", ("new", "old"), ("y",)),
    ]
    return model(nodes, dict.fromkeys(("x", "old", "new", "y"), (1, 8)), [("old", "new")])


def _rows(begin: int, end: int) -> dict[str, tuple[int, ...]]:
    return {"begin": (0, begin, 0), "end": (1, end, 8), "strides": (1, 1, 1)}


def planned(graph: Graph) -> Plan:
    return plan(graph, TARGET)


MODELS: list[Callable[[], Graph]] = [window, running_sum, delay, old_value_read_late]


def test_the_new_value_is_made_in_place_where_all_readers_are_done() -> None:
    made = planned(window())
    assert made.offsets["new"] == made.offsets["old"]
    assert copies(window(), made) == []


@pytest.mark.parametrize("make", [running_sum, old_value_read_late])
def test_the_new_value_is_copied_where_the_old_one_is_still_read(
    make: Callable[[], Graph],
) -> None:
    assert [state.read for state in copies(make(), planned(make()))] == ["old"]


def test_a_delay_line_is_copied_from_its_end() -> None:
    assert [state.read for state in copies(delay(), planned(delay()))] == ["c", "b", "a"]


@pytest.mark.parametrize("make", MODELS)
def test_nothing_else_may_lie_on_a_state(make: Callable[[], Graph]) -> None:
    graph = make()
    made = planned(graph)
    check_plan(graph, made)
    states = {name for state in graph.states for name in (state.read, state.written)}
    for name in made.offsets.keys() - states:
        for state in graph.states:
            moved = {**made.offsets, name: made.offsets[state.read]}
            with pytest.raises(PlanError):
                check_plan(graph, replace(made, offsets=moved, arena=made.arena + 64))


def test_the_checker_notices_an_update_in_place_that_comes_too_early() -> None:
    graph = old_value_read_late()
    made = planned(graph)
    early = {**made.offsets, "new": made.offsets["old"]}
    with pytest.raises(PlanError):
        check_plan(graph, replace(made, offsets=early))


def test_states_that_exchange_their_values_are_refused() -> None:
    nodes = [Node("sum", "add", ("a", "b"), ("s",)), Node("more", "add", ("s", "x"), ("y",))]
    shapes = dict.fromkeys(("x", "a", "b", "s", "y"), (1, 8))
    with pytest.raises(EdgeError, match="exchange"):
        planned(model(nodes, shapes, [("a", "b"), ("b", "a")]))


def test_an_output_that_is_the_old_value_is_refused() -> None:
    nodes = [Node("sum", "add", ("old", "x"), ("y",))]
    graph = model(nodes, dict.fromkeys(("x", "old", "y"), (1, 8)), [("old", "y")])
    with pytest.raises(EdgeError, match="as it was before"):
        planned(replace(graph, outputs=("old",)))


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("smallest", [False, True])
def test_every_plan_passes_the_check(make: Callable[[], Graph], smallest: bool) -> None:
    graph = make()
    assert check_plan(graph, plan(graph, TARGET, smallest=smallest)) > 0
