"""Running graphs: batches equal single inferences, observers see all, wrong inputs are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import DType, Graph, TensorType, Value, check, parse
from edge.reference import run, run_batch
from edge.reference.interpreter import keeps_samples_apart

Floats = np.ndarray[Any, Any]


def graph_of(text: str, **constants: Floats) -> Graph:
    graph = parse(text)
    values = dict(graph.values)
    for name, data in constants.items():
        values[name] = Value(name, TensorType(data.shape, DType(str(data.dtype))), data)
    return check(Graph(graph.name, graph.inputs, graph.outputs, graph.nodes, values))


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


BRANCHES = """
graph branches single (x) -> (y, p)
x : float32[1,4,4,2]
c : float32[1,4,4,3]
p : float32[1,2,2,3]
t : float32[1,3,4,4]
k : float32[1,48]
m : float32[1,48]
y : float32[1,5]
conv conv2d(x, w, -) -> c padding=(1,1,1,1)
pool max_pool2d(c) -> p kernel=(2,2) stride=(2,2)
turn transpose(c) -> t permutation=(0,3,1,2)
flat reshape(t) -> k shape=(1,48)
gate mul(k, g) -> m
last linear(m, v, -) -> y
"""

APART = {
    "concatenation along the samples": """
graph g single (x) -> (y)
x : float32[1,3]
y : float32[2,3]
n concat(x, x) -> y axis=0
""",
    "a transposition of the samples": """
graph g single (x) -> (y)
x : float32[1,1,3]
y : float32[1,1,3]
n transpose(x) -> y permutation=(1,0,2)
""",
    "a mean over the samples": """
graph g single (x) -> (y)
x : float32[1,3]
y : float32[1,3]
n mean(x) -> y axes=(0,) keepdims=True
""",
    "a vector": """
graph g single (x) -> (y)
x : float32[3]
y : float32[3]
n unary(x) -> y function="relu"
""",
    "a reshape that drops the samples": """
graph g single (x) -> (y)
x : float32[1,3]
y : float32[3]
n reshape(x) -> y shape=(3,)
""",
}


def branches() -> Graph:
    return graph_of(
        BRANCHES,
        w=normal(3, 3, 3, 2, seed=1), g=normal(1, 48, seed=2), v=normal(5, 48, seed=3),
    )  # fmt: skip


def test_a_batch_equals_single_inferences() -> None:
    graph, x = branches(), normal(37, 4, 4, 2)
    assert keeps_samples_apart(graph)
    outputs = run_batch(graph, [x])
    assert [y.shape for y in outputs] == [(37, 5), (37, 2, 2, 3)]
    for i in range(37):
        alone = run(graph, [x[i : i + 1]])
        for name, together in zip(graph.outputs, outputs, strict=True):
            np.testing.assert_allclose(alone[name], together[i : i + 1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", APART.values(), ids=APART)
def test_graphs_that_mix_the_leading_axis_run_one_sample_at_a_time(text: str) -> None:
    graph = graph_of(text)
    assert not keeps_samples_apart(graph)
    shape = graph.type("x").shape
    x = normal(4, *(shape[1:] if shape[0] == 1 else shape))
    (together,) = run_batch(graph, [x])
    for i in range(4):
        alone = run(graph, [x[i].reshape(shape)])["y"]
        np.testing.assert_array_equal(together.reshape(4, -1)[i], alone.ravel())


def test_values_holds_every_activation() -> None:
    graph = branches()
    values = run(graph, [normal(1, 4, 4, 2)], values=True)
    assert set(values) == {"x", "c", "p", "t", "k", "m", "y"}


def test_outputs_alone_by_default() -> None:
    assert set(run(branches(), [normal(1, 4, 4, 2)])) == {"y", "p"}


def test_an_observer_sees_every_activation_of_every_sample() -> None:
    seen: dict[str, int] = {}

    def observe(name: str, x: Floats) -> None:
        seen[name] = seen.get(name, 0) + len(x)

    run_batch(branches(), [normal(37, 4, 4, 2)], observe)
    assert seen == dict.fromkeys(["x", "c", "p", "t", "k", "m", "y"], 37)


def test_a_graph_of_constants_runs_without_inputs() -> None:
    graph = graph_of(
        "graph g single () -> (y)\ny : float32[1,3]\nn add(a, b) -> y\n",
        a=normal(1, 3), b=normal(1, 3, seed=1),
    )  # fmt: skip
    np.testing.assert_array_equal(run(graph, [])["y"], normal(1, 3) + normal(1, 3, seed=1))


@pytest.mark.parametrize(
    "x", [normal(1, 4, 4), normal(1, 4, 4, 2).astype(np.float64), normal(2, 4, 4, 2)]
)
def test_an_input_of_another_shape_or_type_is_refused(x: Floats) -> None:
    with pytest.raises(EdgeError, match=r"E0006.*input x is float32\[1, 4, 4, 2\]"):
        run(branches(), [x])


def test_missing_inputs_are_refused() -> None:
    with pytest.raises(EdgeError, match="takes 1 inputs, got 0"):
        run(branches(), [])
    with pytest.raises(EdgeError, match="at least one sample"):
        run_batch(branches(), [normal(0, 4, 4, 2)])


def test_an_operator_without_a_kernel_for_the_type_is_named() -> None:
    graph = graph_of(
        'graph g single (x) -> (y)\nx : int32[1,3]\ny : int32[1,3]\nn softmax(x) -> y @ "op 7"\n'
    )
    with pytest.raises(EdgeError, match=r"E0101.*softmax of int32") as error:
        run(graph, [np.zeros((1, 3), np.int32)])
    assert error.value.diagnostics[0].where == "op 7"
