"""Passes that only change which nodes there are: text in, text out."""

from __future__ import annotations

import pytest

from edge.ir import check, parse, to_text
from edge.passes import cancel_transpose, dead_code, drop_identity

DEAD = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
z : float32[1,4]
u : float32[1,4]
a unary(x) -> y function="relu"
b unary(x) -> z function="tanh"
c unary(z) -> u function="abs"
"""

ALIVE = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
a unary(x) -> y function="relu"
"""


def assert_becomes(result, expected):
    """Compare the text forms; a value's line may stand anywhere."""
    check(result)
    assert sorted(to_text(result).split("\n")) == sorted(to_text(parse(expected)).split("\n"))


def test_dead_code_removes_chains_of_unused_nodes():
    assert_becomes(dead_code.run(parse(DEAD)), ALIVE)


def test_dead_code_keeps_a_graph_where_everything_is_used():
    assert_becomes(dead_code.run(parse(ALIVE)), ALIVE)


def between_relus(middle: str, shape: str = "1,2,3,4", made: str | None = None) -> str:
    return f"""
graph g single (x) -> (y)
x : float32[{shape}]
a : float32[{shape}]
b : float32[{made or shape}]
y : float32[{made or shape}]
first unary(x) -> a function="relu"
{middle}
last unary(b) -> y function="tanh"
"""


JOINED = """
graph g single (x) -> (y)
x : float32[1,2,3,4]
a : float32[1,2,3,4]
y : float32[1,2,3,4]
first unary(x) -> a function="relu"
last unary(a) -> y function="tanh"
"""


@pytest.mark.parametrize(
    "identity",
    [
        "n reshape(a) -> b shape=(1,2,3,4)",
        "n transpose(a) -> b permutation=(0,1,2,3)",
        "n slice(a) -> b begin=(0,0,0,0) end=(1,2,3,4) strides=(1,1,1,1)",
        "n pad(a) -> b padding=(0,0,0,0,0,0,0,0) value=3.0",
        "n concat(a) -> b axis=3",
        'n resize(a) -> b size=(2,3) mode="bilinear"',
        "n max_pool2d(a) -> b kernel=(1,1)",
        "n avg_pool2d(a) -> b kernel=(1,1)",
    ],
)
def test_identities_are_dropped(identity):
    assert_becomes(drop_identity.run(parse(between_relus(identity))), JOINED)


@pytest.mark.parametrize(
    "operation",
    [
        'n avg_pool2d(a) -> b kernel=(1,1) activation="relu6"',
        "n avg_pool2d(a) -> b kernel=(3,3) padding=(1,1,1,1)",
        "n requantize(a) -> b",
    ],
)
def test_operations_that_keep_the_shape_only_are_kept(operation):
    text = between_relus(operation)
    assert_becomes(drop_identity.run(parse(text)), text)


def test_a_permutation_of_equal_extents_is_kept():
    text = between_relus("n transpose(a) -> b permutation=(0,2,1)", "1,3,3")
    assert_becomes(drop_identity.run(parse(text)), text)


INT8_RESCALE = """
graph g single (x) -> (y)
x : int8[1,4] q(0.5;0)
a : int8[1,4] q({made})
y : int8[1,4] q(0.25;0)
r requantize(x) -> a
s unary(a) -> y function="tanh"
"""


def test_requantize_to_equal_parameters_is_dropped():
    dropped = drop_identity.run(parse(INT8_RESCALE.format(made="0.5;0")))
    assert [node.inputs for node in dropped.nodes] == [("x",)]


def test_requantize_to_other_parameters_is_kept():
    text = INT8_RESCALE.format(made="0.5;1")
    assert_becomes(drop_identity.run(parse(text)), text)


def test_an_identity_from_input_to_output_stays_a_node():
    text = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
n reshape(x) -> y shape=(1,4)
"""
    assert_becomes(drop_identity.run(parse(text)), text)


def test_a_dropped_output_takes_the_name_of_its_source():
    dropped = drop_identity.run(
        parse("""
graph g single (x) -> (y)
x : float32[1,4]
a : float32[1,4]
y : float32[1,4]
m unary(x) -> a function="abs"
n reshape(a) -> y shape=(1,4)
""")
    )
    assert dropped.outputs == ("a",)
    assert [node.name for node in dropped.nodes] == ["m"]


def test_inverse_transposes_cancel():
    text = """
graph g single (x) -> (y)
x : float32[1,2,3,4]
a : float32[1,4,2,3]
b : float32[1,2,3,4]
y : float32[1,2,3,4]
m transpose(x) -> a permutation=(0,3,1,2)
n transpose(a) -> b permutation=(0,2,3,1)
last unary(b) -> y function="tanh"
"""
    cancelled = dead_code.run(drop_identity.run(cancel_transpose.run(parse(text))))
    assert_becomes(
        cancelled,
        """
graph g single (x) -> (y)
x : float32[1,2,3,4]
y : float32[1,2,3,4]
last unary(x) -> y function="tanh"
""",
    )


def test_adjacent_transposes_become_one_even_if_the_first_has_other_readers():
    text = """
graph g single (x) -> (a, y)
x : float32[2,3,4]
a : float32[3,4,2]
y : float32[3,2,4]
m transpose(x) -> a permutation=(1,2,0)
n transpose(a) -> y permutation=(0,2,1)
"""
    composed = cancel_transpose.run(parse(text))
    check(composed)
    assert composed.nodes[1].inputs == ("x",)
    assert composed.nodes[1].attrs == {"permutation": (1, 0, 2)}


def test_a_transpose_that_only_moves_unit_axes_becomes_a_reshape():
    text = between_relus("n transpose(a) -> b permutation=(0,3,1,2)", "1,4,5,1", "1,1,4,5")
    composed = cancel_transpose.run(parse(text))
    assert composed.nodes[1].op == "reshape"
    assert composed.nodes[1].attrs == {"shape": (1, 1, 4, 5)}


def test_adjacent_reshapes_become_one():
    text = """
graph g single (x) -> (y)
x : float32[1,2,3,4]
a : float32[1,24]
y : float32[1,6,4]
m reshape(x) -> a shape=(1,24)
n reshape(a) -> y shape=(1,6,4)
"""
    composed = dead_code.run(cancel_transpose.run(parse(text)))
    assert_becomes(
        composed,
        """
graph g single (x) -> (y)
x : float32[1,2,3,4]
y : float32[1,6,4]
n reshape(x) -> y shape=(1,6,4)
""",
    )
