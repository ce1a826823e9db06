import numpy as np
import pytest

from edge.passes import fold_pad

FLOAT = """
graph g single (x) -> (y)
x : float32[1,5,5,2]
p : float32[1,7,6,2]
y : float32[1,{h},{w},2]
pad pad(x) -> p padding=(0,0,1,1,0,1,0,0) value={value}
{reader}
"""
KERNEL = np.random.default_rng(0).standard_normal((1, 3, 3, 2)).astype(np.float32)


def test_zero_padding_is_folded_into_a_convolution(graph, nodes, outputs):
    reader = "conv depthwise_conv2d(p, w) -> y padding=(0,1,1,0)"
    before = graph(FLOAT.format(h=6, w=5, value=0.0, reader=reader), w=KERNEL)
    after = fold_pad.run(before)
    assert nodes(after) == ["depthwise_conv2d(x, w) -> y"]
    assert after.nodes[0].attrs["padding"] == (1, 2, 1, 1)
    np.testing.assert_allclose(outputs(after)[0], outputs(before)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "reader"),
    [
        (1.0, "conv depthwise_conv2d(p, w) -> y"),
        (0.0, "pool avg_pool2d(p) -> y kernel=(3,3)"),
        (0.0, "pool max_pool2d(p) -> y kernel=(3,3)"),
        (0.0, "conv depthwise_conv2d(p, w) -> y padding=(2,0,0,0) stride=(2,1)"),
    ],
    ids=["not zero", "average", "maximum", "windows outside of the input"],
)
def test_padding_that_means_something_else_is_left(value, reader, graph):
    constants = {"w": KERNEL} if "w)" in reader else {}
    height = 4 if "stride" in reader else 5
    before = graph(FLOAT.format(h=height, w=4, value=value, reader=reader), **constants)
    assert fold_pad.run(before).nodes == before.nodes


def test_padding_with_another_reader_is_left(graph):
    text = FLOAT.format(h=5, w=4, value=0.0, reader="conv depthwise_conv2d(p, w) -> y")
    before = graph(text.replace("-> (y)", "-> (y, p)"), w=KERNEL)
    assert fold_pad.run(before).nodes == before.nodes


@pytest.mark.parametrize("rounding", ["single", "tflite"])
def test_int8_padding_with_zero_keeps_every_bit(rounding, graph, outputs):
    text = f"""
graph g {rounding} (x) -> (y)
x : int8[1,5,5,2] q(0.1;-7)
p : int8[1,7,7,2] q(0.1;-7)
w : int8[1,3,3,2] q(0.02,0.03;0,0;axis=3)
y : int8[1,5,5,2] q(0.2;3)
pad pad(x) -> p padding=(0,0,1,1,1,1,0,0)
conv depthwise_conv2d(p, w) -> y
"""
    weight = np.random.default_rng(0).integers(-127, 128, (1, 3, 3, 2)).astype(np.int8)
    line = text.replace("axis=3)", 'axis=3) = "' + _base64(weight) + '"')
    before = graph(line)
    after = fold_pad.run(before)
    assert len(after.nodes) == 1
    np.testing.assert_array_equal(outputs(after)[0], outputs(before)[0])


def _base64(data: np.ndarray) -> str:
    import base64

    return base64.b64encode(data.tobytes()).decode()
