import numpy as np

from edge.passes import absorb_transpose
from edge.passes.pipeline import FLOAT_PASSES, run_passes

FLATTEN = """
graph g single (x) -> (y)
x : float32[1,3,4,2]
t : float32[1,2,3,4]
f : float32[1,24]
{values}
y : float32[1,5]
nchw transpose(x) -> t permutation=(0,3,1,2)
flatten reshape(t) -> f shape=(1,24)
{nodes}
"""


def flatten(values: str, nodes: str) -> str:
    return FLATTEN.format(values=values, nodes=nodes)


def weights(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 24)).astype(np.float32)


def test_linear_behind_a_flatten_takes_its_columns_as_stored(graph, nodes, outputs):
    before = graph(flatten("", "fc linear(f, w) -> y"), w=weights(5))
    after = absorb_transpose.run(before)
    assert nodes(after) == ["reshape(x) -> f", "linear(f, w_as_stored) -> y"]
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], atol=1e-5)


def test_functions_between_flatten_and_linear_do_not_matter(graph, nodes, outputs):
    body = 'act unary(f) -> r function="tanh"\nfc linear(r, w) -> y'
    before = graph(flatten("r : float32[1,24]", body), w=weights(5))
    after = absorb_transpose.run(before)
    assert [line.split("(")[0] for line in nodes(after)] == ["reshape", "unary", "linear"]
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], atol=1e-5)


def test_two_linear_layers_that_share_a_weight_are_both_changed(graph, nodes, outputs):
    body = "a linear(f, w) -> p\nb linear(f, w) -> q\nsum add(p, q) -> y"
    before = graph(flatten("p : float32[1,5]\nq : float32[1,5]", body), w=weights(5))
    after = absorb_transpose.run(before)
    assert "transpose" not in {node.op for node in after.nodes}
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], atol=1e-5)


def test_flatten_that_something_else_reads_keeps_its_transpose(graph):
    lines = (
        "fc linear(f, w) -> p",
        'act unary(f) -> r function="tanh"',
        "other linear(r, v) -> q",
        "sum add(p, q) -> y",
    )
    values = "p : float32[1,5]\nq : float32[1,5]\nr : float32[1,24]"
    before = graph(flatten(values, "\n".join(lines)), w=weights(5), v=weights(5, 1))
    assert [n.op for n in absorb_transpose.run(before).nodes][:2] == ["transpose", "reshape"]


PAIR = """
graph g single (x) -> (y)
x : float32[1,3,4,2]
t : float32[1,2,3,4]
r : float32[1,2,3,4]
y : float32[1,3,4,2]
first transpose(x) -> t permutation=(0,3,1,2)
act unary(t) -> r function="tanh"
second transpose(r) -> y permutation=(0,2,3,1)
"""


def test_transposes_around_a_function_meet_and_cancel(graph, nodes, outputs):
    before = graph(PAIR)
    after = run_passes(before, FLOAT_PASSES)
    assert [node.op for node in after.nodes] == ["unary"]
    np.testing.assert_array_equal(outputs(after)[0], outputs(before)[0])


INT8 = """
graph g single (x) -> (y)
x : int8[1,3,4,2] q(0.5;3)
t : int8[1,2,3,4] q(0.5;3)
f : int8[1,24] q(0.5;3)
w : int8[1,24] q(0.1;0) = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"
y : int8[1,1] q(4.0;-7)
nchw transpose(x) -> t permutation=(0,3,1,2)
flatten reshape(t) -> f shape=(1,24)
fc linear(f, w) -> y
"""


def test_int8_weights_move_too_and_keep_every_bit(graph, outputs):
    before = graph(INT8)
    after = absorb_transpose.run(before)
    assert [node.op for node in after.nodes] == ["reshape", "linear"]
    np.testing.assert_array_equal(outputs(after)[0], outputs(before)[0])
