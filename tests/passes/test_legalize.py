"""Passes that turn int8 operators into what kernels exist for."""

import numpy as np
import pytest

from edge.passes import legalize_unary, pool_to_mean

UNARY = """
graph g {rounding} (x) -> (y, z)
x : int8[1,50,8] q(0.05;-3)
y : int8[1,50,8] q(0.00390625;-128)
z : int8[1,50,8] q(0.00390625;-128)
a unary(x) -> y function="{function}" alpha=0.1
b unary(x) -> z function="{function}" alpha=0.1
"""


@pytest.mark.parametrize("rounding", ["single", "tflite"])
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "leaky_relu", "silu", "gelu"])
def test_unary_functions_become_lookups_of_one_table(function, rounding, graph, nodes, outputs):
    before = graph(UNARY.format(function=function, rounding=rounding))
    after = legalize_unary.run(before)
    assert nodes(after) == ["lookup(x, a_table) -> y", "lookup(x, a_table) -> z"]
    np.testing.assert_array_equal(outputs(after), outputs(before))


def test_float_functions_are_left(graph):
    text = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
a unary(x) -> y function="sigmoid"
"""
    before = graph(text)
    assert legalize_unary.run(before).nodes == before.nodes


POOL = """
graph g {rounding} (x) -> (y)
x : int8[1,{h},5,8] q(0.05;-3)
y : int8[1,1,1,8] q({scale};11)
a avg_pool2d(x) -> y kernel=(4,5){activation}
"""


@pytest.mark.parametrize("scale", [0.05, 0.03, 0.0041])
def test_global_average_becomes_mean_with_the_same_bits(scale, graph, outputs):
    before = graph(POOL.format(rounding="single", h=4, scale=scale, activation=""))
    after = pool_to_mean.run(before)
    assert [node.op for node in after.nodes] == ["mean"]
    np.testing.assert_array_equal(outputs(after, 64), outputs(before, 64))


@pytest.mark.parametrize(
    ("rounding", "height", "activation"),
    [("tflite", 4, ""), ("single", 5, ""), ("single", 4, ' activation="relu"')],
    ids=["rounded differently", "not the whole map", "with an activation"],
)
def test_other_averages_are_left(rounding, height, activation, graph):
    text = POOL.format(rounding=rounding, h=height, scale=0.05, activation=activation)
    if height == 5:
        text = text.replace("y : int8[1,1,1,8]", "y : int8[1,2,1,8]")
    before = graph(text)
    assert pool_to_mean.run(before).nodes == before.nodes
