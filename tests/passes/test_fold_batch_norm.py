import numpy as np
import pytest

from edge.passes import fold_batch_norm


def statistics(channels: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(channels)
    return {
        "gamma": rng.normal(1, 0.5, channels).astype(np.float32),
        "beta": rng.normal(0, 1, channels).astype(np.float32),
        "mean": rng.normal(0, 1, channels).astype(np.float32),
        "variance": rng.uniform(0.1, 2, channels).astype(np.float32),
    }


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


NORM = "bn batch_norm(h, gamma, beta, mean, variance) -> y epsilon=0.001"

CONV = f"""
graph g single (x) -> (y)
x : float32[1,5,5,3]
h : float32[1,5,5,4]
y : float32[1,5,5,4]
conv conv2d(x, w) -> h padding=(1,1,1,1)
{NORM}
"""

DEPTHWISE = f"""
graph g single (x) -> (y)
x : float32[1,5,5,2]
h : float32[1,3,3,4]
y : float32[1,3,3,4]
conv depthwise_conv2d(x, w, b) -> h
{NORM}
"""

LINEAR = f"""
graph g single (x) -> (y)
x : float32[1,3]
h : float32[1,4]
y : float32[1,4]
conv linear(x, w, b) -> h
{NORM}
"""


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        (CONV, {"w": weights(4, 3, 3, 3)}),
        (DEPTHWISE, {"w": weights(1, 3, 3, 4), "b": weights(4)}),
        (LINEAR, {"w": weights(4, 3), "b": weights(4)}),
    ],
    ids=["conv2d", "depthwise", "linear"],
)
def test_batch_norm_is_folded_into_its_producer(text, constants, graph, outputs):
    before = graph(text, **constants, **statistics(4))
    after = fold_batch_norm.run(before)
    assert len(after.nodes) == 1
    assert after.nodes[0].output == "y"
    assert set(after.values) == {"x", "y", *after.nodes[0].inputs}
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], rtol=1e-5, atol=1e-5)


def test_a_chain_of_batch_norms_is_folded_into_one_convolution(graph, outputs):
    text = f"""
graph g single (x) -> (z)
x : float32[1,5,5,3]
h : float32[1,5,5,4]
y : float32[1,5,5,4]
z : float32[1,5,5,4]
conv conv2d(x, w) -> h padding=(1,1,1,1)
{NORM}
again batch_norm(y, gamma, beta, mean, variance) -> z
"""
    before = graph(text, w=weights(4, 3, 3, 3), **statistics(4))
    after = fold_batch_norm.run(before)
    assert [node.op for node in after.nodes] == ["conv2d"]
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], rtol=1e-4, atol=1e-4)


def test_weights_shared_with_another_layer_are_not_changed(graph, outputs):
    text = f"""
graph g single (x) -> (y, z)
x : float32[1,5,5,3]
h : float32[1,5,5,4]
y : float32[1,5,5,4]
z : float32[1,5,5,4]
conv conv2d(x, w) -> h padding=(1,1,1,1)
{NORM}
twin conv2d(x, w) -> z padding=(1,1,1,1)
"""
    before = graph(text, w=weights(4, 3, 3, 3), **statistics(4))
    after = fold_batch_norm.run(before)
    assert [node.op for node in after.nodes] == ["conv2d", "conv2d"]
    for result, expected in zip(outputs(after), outputs(before), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "obstacle",
    [
        'conv conv2d(x, w) -> h padding=(1,1,1,1) activation="relu"',
        'conv conv2d(x, w) -> h padding=(1,1,1,1)\nother unary(h) -> z function="abs"',
    ],
    ids=["an activation between", "a second reader"],
)
def test_where_it_cannot_fold_an_image_is_normalized_by_a_depthwise(obstacle, graph, outputs):
    text = f"""
graph g single (x) -> (y, z)
x : float32[1,5,5,3]
h : float32[1,5,5,4]
y : float32[1,5,5,4]
z : float32[1,5,5,4]
{obstacle}
{NORM}
"""
    if "-> z" not in obstacle:
        text = text.replace("(y, z)", "(y)")
    before = graph(text, w=weights(4, 3, 3, 3), **statistics(4))
    after = fold_batch_norm.run(before)
    assert after.producers["y"].op == "depthwise_conv2d"
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], rtol=1e-5, atol=1e-5)


def test_batch_norm_of_features_becomes_mul_and_add(graph, nodes, outputs):
    text = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
bn batch_norm(x, gamma, beta, mean, variance) -> y
"""
    before = graph(text, **statistics(4))
    after = fold_batch_norm.run(before)
    assert nodes(after) == ["mul(x, bn_gain) -> y_scaled", "add(y_scaled, bn_offset) -> y"]
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], rtol=1e-5, atol=1e-5)
