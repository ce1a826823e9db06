"""Two small .tflite networks of many operators, for tests of whole files."""

from __future__ import annotations

import numpy as np

from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant


def int8_network() -> bytes:
    """Convolutions, pooling, a residual, resizing, padding, concatenation, a classifier."""
    rng = np.random.default_rng(1)

    def weight(name: str, *shape: int, axis: int = 0) -> Tensor:
        data = rng.integers(-127, 128, shape, np.int8)
        return constant(name, data, [0.004] * shape[axis], axis=axis)

    images = ("x", "c", "d", "a", "m", "u", "p", "k")
    shapes = ((8, 8, 2), (4, 4, 4), (4, 4, 4), (4, 4, 4), (2, 2, 4), (4, 4, 4), (6, 6, 4))
    tensors = [Tensor(n, (1, *s), scale=0.5) for n, s in zip(images, shapes, strict=False)]
    tensors += [
        Tensor("k", (1, 6, 6, 8), scale=0.5),
        Tensor("f", (1, 8), scale=0.1, zero_point=-3),
        Tensor("l", (1, 3), scale=0.05),
        Tensor("y", (1, 3), scale=1 / 256, zero_point=-128),
        weight("w0", 4, 3, 3, 2),
        weight("w1", 1, 3, 3, 4, axis=3),
        weight("w2", 3, 8),
        constant("b0", np.arange(4, dtype=np.int32), [0.002] * 4),
        constant("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)),
        constant("size", np.array([4, 4], np.int32)),
        constant("axes", np.array([1, 2], np.int32)),
    ]
    operators = [
        Operator("CONV_2D", ("x", "w0", "b0"), ("c",), {"strideH": 2, "strideW": 2}),
        Operator("DEPTHWISE_CONV_2D", ("c", "w1", "b0"), ("d",), {"strideH": 1, "strideW": 1}),
        Operator("ADD", ("c", "d"), ("a",), {"fusedActivationFunction": 1}),
        Operator(
            "MAX_POOL_2D", ("a",), ("m",),
            {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2},
        ),
        Operator("RESIZE_NEAREST_NEIGHBOR", ("m", "size"), ("u",)),
        Operator("PAD", ("u", "pads"), ("p",)),
        Operator("CONCATENATION", ("p", "p"), ("k",), {"axis": 3}),
        Operator("MEAN", ("k", "axes"), ("f",)),
        Operator("FULLY_CONNECTED", ("f", "w2"), ("l",)),
        Operator("SOFTMAX", ("l",), ("y",), {"beta": 1.0}),
    ]  # fmt: skip
    return build_model(tensors, operators, ("x",), ("y",))


def float_network() -> bytes:
    """Half-precision weights, shape arithmetic, slices, splits, functions of one value."""
    numbers = {"zero": 0, "one": 1, "axis": 1}
    tensors = [
        Tensor("x", (1, 4, 4, 3), "float32"),
        constant("begin", np.array([0, 0, 0, 0], np.int32)),
        constant("end", np.array([1, 4, 4, 3], np.int32)),
        constant("step", np.array([1, 2, 2, 1], np.int32)),
        Tensor("s", (1, 2, 2, 3), "float32"),
        Tensor("shape", (4,), "int32"),
        *(constant(name, np.array([n], np.int32)) for name, n in numbers.items()),
        constant("rest", np.array(12, np.int32)),
        Tensor("batch", (), "int32"),
        Tensor("target", (2,), "int32"),
        Tensor("r", (1, 12), "float32"),
        constant("half", np.linspace(-1, 1, 48).reshape(4, 12).astype(np.float16)),
        Tensor("w", (4, 12), "float32"),
        Tensor("h", (1, 4), "float32"),
        Tensor("g", (1, 4), "float32"),
        Tensor("left", (1, 2), "float32"),
        Tensor("right", (1, 2), "float32"),
        Tensor("y", (1, 2), "float32"),
    ]
    operators = [
        Operator("STRIDED_SLICE", ("x", "begin", "end", "step"), ("s",)),
        Operator("SHAPE", ("s",), ("shape",), {"outType": 2}),
        Operator(
            "STRIDED_SLICE", ("shape", "zero", "one", "one"), ("batch",), {"shrinkAxisMask": 1}
        ),
        Operator("PACK", ("batch", "rest"), ("target",), {"valuesCount": 2}),
        Operator("RESHAPE", ("s", "target"), ("r",)),
        Operator("DEQUANTIZE", ("half",), ("w",)),
        Operator("FULLY_CONNECTED", ("r", "w"), ("h",), {"fusedActivationFunction": 3}),
        Operator("LEAKY_RELU", ("h",), ("g",), {"alpha": 0.1}),
        Operator("SPLIT", ("axis", "g"), ("left", "right"), {"numSplits": 2}),
        Operator("MUL", ("left", "right"), ("y",)),
    ]
    return build_model(tensors, operators, ("x",), ("y",))
