"""The graph, its checks and its text form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ir import (
    OPS,
    DType,
    Graph,
    GraphError,
    Node,
    Quantization,
    Rounding,
    TensorType,
    Value,
    check,
    macs,
    parse,
    to_text,
)


def int8(name: str, *shape: int, data: bool = False) -> Value:
    tensor = TensorType(shape, DType.INT8, Quantization.per_tensor(0.1, -3))
    array = np.arange(tensor.elements, dtype=np.int64).astype(np.int8).reshape(shape)
    return Value(name, tensor, array if data else None)


def convolution() -> Graph:
    values = [int8("x", 1, 5, 5, 2), int8("w", 4, 3, 3, 2, data=True), int8("y", 1, 3, 3, 4)]
    node = Node("conv", "conv2d", ("x", "w", ""), ("y",), {"activation": "relu"}, "net.py:1 'c'")
    return Graph("net", ("x",), ("y",), (node,), {v.name: v for v in values}, Rounding.TFLITE)


def test_a_sound_graph_passes_the_check() -> None:
    assert check(convolution()) is not None


def test_text_prints_and_parses_back() -> None:
    text = to_text(convolution())
    again = parse(text)
    assert to_text(again) == text
    assert again.rounding is Rounding.TFLITE
    assert np.array_equal(again.constant("w"), convolution().constant("w"))
    assert again.nodes == convolution().nodes


@given(
    scale=st.floats(1e-30, 1e30),
    zero_point=st.integers(-128, 127),
    attrs=st.dictionaries(
        st.sampled_from(["alpha", "beta", "epsilon"]), st.floats(allow_nan=False), max_size=3
    ),
    where=st.text(max_size=20),
)
def test_numbers_and_places_survive_the_text_form(
    scale: float, zero_point: int, attrs: dict[str, float], where: str
) -> None:
    where = " ".join(where.split())
    tensor = TensorType((1, 2), DType.INT8, Quantization.per_tensor(scale, zero_point))
    values = {"x": Value("x", tensor), "y": Value("y", tensor)}
    node = Node("n", "softmax", ("x",), ("y",), attrs, where)
    graph = Graph("g", ("x",), ("y",), (node,), values)
    again = parse(to_text(graph))
    assert again.type("x") == tensor
    assert again.nodes == (node,)


def test_a_line_that_is_neither_value_nor_node_is_named() -> None:
    with pytest.raises(ValueError, match="what is this"):
        parse("graph g single (x) -> (x)\nwhat is this\n")


def test_macs_of_a_convolution() -> None:
    graph = convolution()
    assert macs(graph, graph.nodes[0]) == 3 * 3 * 4 * 3 * 3 * 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"outputs": ("z",)}, "output z is never made"),
        ({"inputs": ()}, "reads x before it is made"),
        ({"values": {"x": int8("x", 1, 5, 5, 3)}}, "weight takes 2 channels, input has 3"),
        ({"values": {"y": int8("y", 1, 2, 3, 4)}}, "declared as"),
        ({"values": {"x": replace(int8("x", 1, 5, 5, 2), data=np.zeros(3))}}, "holds other data"),
        ({"node": {"op": "convolve"}}, "unknown operator"),
        ({"node": {"attrs": {"strides": (1, 1)}}}, "unknown attributes"),
        ({"node": {"attrs": {"activation": "swish"}}}, "activation 'swish'"),
        ({"node": {"inputs": ("x",)}}, "got 1 inputs"),
    ],
)
def test_the_check_names_what_is_wrong(change: dict, problem: str) -> None:
    graph = convolution()
    nodes = (replace(graph.nodes[0], **change.pop("node", {})),)
    values = {**graph.values, **change.pop("values", {})}
    with pytest.raises(GraphError, match=problem):
        check(replace(graph, nodes=nodes, values=values, **change))


def test_all_problems_are_reported_at_once() -> None:
    graph = replace(convolution(), inputs=(), outputs=("z",))
    with pytest.raises(GraphError) as error:
        check(graph)
    assert len(error.value.problems) == 2


def test_rewiring_replaces_uses_and_outputs() -> None:
    graph = convolution()
    other = replace(graph, values={**graph.values, "v": int8("v", 1, 3, 3, 4)})
    assert other.rewire({"y": "v"}).outputs == ("v",)
    assert other.rewire({"x": "v"}).nodes[0].inputs[0] == "v"


def test_unused_values_are_dropped_with_the_nodes_that_used_them() -> None:
    graph = replace(convolution(), outputs=("x",))
    assert set(graph.with_nodes(()).values) == {"x"}


def test_every_operator_has_inputs_and_a_shape_rule() -> None:
    for name, op in OPS.items():
        assert op.inputs, name
        assert callable(op.infer), name


@pytest.mark.parametrize(
    ("scale", "zero_point", "axis"),
    [((), (), None), ((1.0, 2.0), (0, 0), None), ((float("nan"),), (0,), None), ((1.0,), (), None)],
)
def test_a_quantization_refuses_nonsense(scale: tuple, zero_point: tuple, axis: int | None) -> None:
    with pytest.raises(ValueError, match="scale"):
        Quantization(scale, zero_point, axis)
