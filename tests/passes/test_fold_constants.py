import numpy as np

from edge.passes import fold_constants


def test_operators_on_constants_are_computed(graph, nodes):
    text = """
graph g single (x) -> (y)
x : float32[1,2]
a : float32[2,3]
b : float32[3,2]
y : float32[1,3]
t transpose(w) -> a permutation=(1,0)
r reshape(a) -> b shape=(3,2)
l linear(x, b) -> y
"""
    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    after = fold_constants.run(graph(text, w=w))
    assert nodes(after) == ["linear(x, b) -> y"]
    np.testing.assert_array_equal(after.constant("b"), w.T.reshape(3, 2))
    assert "w" not in after.values


DEQUANTIZED = """
graph g single (x) -> (y)
x : float32[1,2]
w : int8[3,2] q(0.5,0.25,2.0;0,0,0;axis=0) = "AQIDBAUG"
f : float32[3,2]
h : float32[1,3]
y : float32[1,3]
d dequantize(w) -> f
l linear(x, f) -> h
u unary(h) -> y function="relu"
"""


def test_dequantized_weights_become_float(graph, nodes):
    after = fold_constants.run(graph(DEQUANTIZED))
    assert nodes(after)[0] == "linear(x, f) -> h"
    np.testing.assert_array_equal(after.constant("f"), [[0.5, 1.0], [0.75, 1.0], [10.0, 12.0]])


def test_dequantized_weights_stay_while_activations_are_quantized(graph):
    text = DEQUANTIZED.replace('u unary(h) -> y function="relu"', "u quantize(h) -> y")
    text = text.replace("y : float32[1,3]", "y : int8[1,3] q(0.5;0)")
    before = graph(text)
    assert fold_constants.run(before).nodes == before.nodes
