import numpy as np
import pytest

from edge.passes import fuse_activation

FLOAT = """
graph g single (x) -> (y)
x : float32[1,4,4,2]
h : float32[1,4,4,2]
y : float32[1,4,4,2]
{producer}
act unary(h) -> y function="{function}"
"""

PRODUCERS = [
    "p depthwise_conv2d(x, w) -> h",
    "p add(x, x) -> h",
    "p mul(x, x) -> h",
    "p max_pool2d(x) -> h kernel=(3,3) padding=(1,1,1,1)",
    "p avg_pool2d(x) -> h kernel=(3,3) padding=(1,1,1,1)",
]


@pytest.mark.parametrize("function", ["relu", "relu6", "relu_n1_to_1"])
@pytest.mark.parametrize("producer", PRODUCERS)
def test_clamps_are_fused(producer, function, graph, outputs):
    w = np.array([2.0, -3.0], np.float32).reshape(1, 1, 1, 2)
    constants = {"w": w} if "w" in producer else {}
    before = graph(FLOAT.format(producer=producer, function=function), **constants)
    after = fuse_activation.run(before)
    assert [node.attrs["activation"] for node in after.nodes] == [function]
    np.testing.assert_array_equal(outputs(after)[0], outputs(before)[0])


@pytest.mark.parametrize(
    ("producer", "function"),
    [
        ("p add(x, x) -> h", "tanh"),
        ('p add(x, x) -> h activation="relu"', "relu6"),
        ('p unary(x) -> h function="abs"', "relu"),
    ],
)
def test_what_has_no_fused_form_is_left(producer, function, graph):
    before = graph(FLOAT.format(producer=producer, function=function))
    assert fuse_activation.run(before).nodes == before.nodes


def test_a_result_with_another_reader_is_left(graph):
    text = FLOAT.format(producer="p add(x, x) -> h", function="relu")
    before = graph(text.replace("-> (y)", "-> (y, h)"))
    assert fuse_activation.run(before).nodes == before.nodes


INT8 = """
graph g {rounding} (x) -> (y)
x : int8[1,4,4,2] q(0.1;-3)
h : int8[1,4,4,2] q({made})
y : int8[1,4,4,2] q(0.05;{zero})
p add(x, x) -> h
act unary(h) -> y function="{function}"
"""


@pytest.mark.parametrize("rounding", ["single", "tflite"])
@pytest.mark.parametrize("function", ["relu", "relu6"])
@pytest.mark.parametrize("zero", [-128, -5, 90])
def test_int8_clamps_of_equal_quantization_keep_every_bit(function, zero, rounding, graph, outputs):
    text = INT8.format(made=f"0.05;{zero}", zero=zero, function=function, rounding=rounding)
    before = graph(text)
    after = fuse_activation.run(before)
    assert len(after.nodes) == 1
    np.testing.assert_array_equal(outputs(after)[0], outputs(before)[0])


def test_int8_clamps_that_rescale_are_left(graph):
    text = INT8.format(made="0.07;0", zero=-128, function="relu", rounding="single")
    before = graph(text)
    assert fuse_activation.run(before).nodes == before.nodes


def test_an_int8_clamp_whose_bound_rounds_the_other_way_is_left(graph):
    """6 / 12 is half a step: the table rounds it to even, a fused bound away from zero."""
    text = INT8.format(made="0.05;0", zero=0, function="relu6", rounding="single")
    before = graph(text.replace("q(0.05;", "q(12.0;"))
    assert fuse_activation.run(before).nodes == before.nodes
