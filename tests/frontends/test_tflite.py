"""The .tflite front end: each operator of the file becomes the node that means the same.

Files are written with LiteRT's own schema classes, and LiteRT's interpreter says which shapes the
outputs have, so neither the reader nor the shapes are tested against themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from edge.frontends.tflite import load_tflite
from edge.ir import Graph, Node, Quantization, Rounding, macs
from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant

Shape = tuple[int, ...]


def litert_shapes(file: bytes) -> list[Shape]:
    """Output shapes as LiteRT computes them when it prepares the model."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # BUILTIN_REF lacks ELU
    interpreter = Interpreter(model_content=file, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    return [tuple(map(int, output["shape"])) for output in interpreter.get_output_details()]


def imported(file: bytes) -> Graph:
    graph = load_tflite(file)
    assert [graph.type(name).shape for name in graph.outputs] == litert_shapes(file)
    return graph


def single_op(
    op: str,
    x: Shape,
    y: Shape,
    *constants: Tensor,
    options: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    y_scale: float = 0.5,
) -> Graph:
    """The graph of a file with one operator of x and constants."""
    scales = {"scale": 0.5} if dtype == "int8" else {}
    y_scales = {"scale": y_scale} if dtype == "int8" else {}
    tensors = [Tensor("x", x, dtype, **scales), *constants, Tensor("y", y, dtype, **y_scales)]
    inputs = ("x", *(tensor.name for tensor in constants))
    return imported(
        build_model(tensors, [Operator(op, inputs, ("y",), options or {})], ("x",), ("y",))
    )


def only(graph: Graph) -> Node:
    (node,) = graph.nodes
    return node


def ints(name: str, *numbers: int) -> Tensor:
    return constant(name, np.array(numbers, np.int32))


def floats(name: str, *shape: int) -> Tensor:
    return constant(name, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))


# Convolutions


def conv_int8(**options: int) -> Graph:
    tensors = [
        Tensor("x", (1, 7, 8, 2), scale=0.5, zero_point=3),
        constant("w", np.ones((4, 3, 3, 2), np.int8), [0.1, 0.2, 0.3, 0.4]),
        constant("b", np.arange(4, dtype=np.int32), [0.05, 0.1, 0.15, 0.2]),
        Tensor("block/conv:y;fused", (1, 4, 4, 4), scale=0.25, zero_point=-128),
    ]
    conv = Operator(
        "CONV_2D", ("x", "w", "b"), (tensors[-1].name,), {"strideH": 2, "strideW": 2, **options}
    )
    return imported(build_model(tensors, [conv], ("x",), (tensors[-1].name,)))


def test_conv_2d_keeps_weights_strides_and_the_fused_activation() -> None:
    graph = conv_int8(fusedActivationFunction=3)
    node = only(graph)
    assert (node.name, node.op, node.output) == ("conv2d_0", "conv2d", "block_conv_y")
    assert node.where == "operator 0: CONV_2D 'block/conv:y'"
    assert node.attrs["stride"] == (2, 2)
    assert node.attrs["groups"] == 1
    assert node.attrs["activation"] == "relu6"
    weight = graph.type(node.inputs[1]).quantization
    assert weight is not None
    assert weight.axis == 0
    assert weight.scale == tuple(float(np.float32(s)) for s in (0.1, 0.2, 0.3, 0.4))
    np.testing.assert_array_equal(graph.constant(node.inputs[2]), np.arange(4))


def test_same_padding_puts_the_odd_row_at_the_end() -> None:
    # height 7 -> 4: (4 - 1) * 2 + 3 - 7 = 2 rows; width 8 -> 4: 1 column, behind the image.
    assert only(conv_int8()).attrs["padding"] == (1, 1, 0, 1)


def test_same_padding_counts_the_dilated_kernel() -> None:
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 3, "dilationWFactor": 2}
    w, b = floats("w", 2, 3, 3, 1), floats("b", 2)
    graph = single_op("CONV_2D", (1, 9, 9, 1), (1, 9, 9, 2), w, b, options=options)
    assert only(graph).attrs["padding"] == (3, 3, 2, 2)
    assert only(graph).attrs["dilation"] == (3, 2)


def test_valid_padding_is_none() -> None:
    options = {"strideH": 1, "strideW": 2, "padding": 1}
    w, b = floats("w", 5, 3, 3, 2), floats("b", 5)
    graph = single_op("CONV_2D", (1, 6, 7, 2), (1, 4, 3, 5), w, b, options=options)
    assert only(graph).attrs["padding"] == (0, 0, 0, 0)


def test_fewer_weight_channels_than_input_channels_mean_groups() -> None:
    options = {"strideH": 1, "strideW": 1}
    w, b = floats("w", 4, 3, 3, 3), floats("b", 4)
    graph = single_op("CONV_2D", (1, 4, 4, 6), (1, 4, 4, 4), w, b, options=options)
    assert only(graph).attrs["groups"] == 2


def test_depthwise_conv_2d_keeps_the_channel_multiplier() -> None:
    options = {"strideH": 2, "strideW": 2, "depthMultiplier": 2}
    w, b = floats("w", 1, 3, 3, 6), floats("b", 6)
    graph = single_op("DEPTHWISE_CONV_2D", (1, 8, 8, 3), (1, 4, 4, 6), w, b, options=options)
    assert only(graph).op == "depthwise_conv2d"
    assert graph.type("w").shape == (1, 3, 3, 6)
    assert macs(graph, only(graph)) == 4 * 4 * 6 * 9


def test_fully_connected_is_linear() -> None:
    graph = single_op("FULLY_CONNECTED", (1, 8), (1, 3), floats("w", 3, 8), floats("b", 3))
    assert only(graph).op == "linear"
    assert only(graph).inputs == ("x", "w", "b")


def test_fully_connected_flattens_an_image() -> None:
    graph = single_op("FULLY_CONNECTED", (1, 2, 2, 4), (1, 3), floats("w", 3, 16))
    assert [node.op for node in graph.nodes] == ["reshape", "linear"]
    assert graph.type(graph.nodes[0].output).shape == (1, 16)


def test_fully_connected_that_keeps_dimensions_works_on_the_last_axis() -> None:
    options = {"keepNumDims": True}
    graph = single_op("FULLY_CONNECTED", (1, 5, 8), (1, 5, 3), floats("w", 3, 8), options=options)
    assert only(graph).op == "linear"


def test_fully_connected_flattens_leading_axes_of_an_image() -> None:
    graph = single_op("FULLY_CONNECTED", (1, 2, 3, 8), (6, 4), floats("w", 4, 8))
    assert [node.op for node in graph.nodes] == ["reshape", "linear"]


def test_a_bias_with_a_stray_axis_is_accepted() -> None:
    tensors = [
        Tensor("x", (1, 2, 2, 1), scale=0.5),
        constant("w", np.ones((2, 1, 1, 1), np.int8), [0.1, 0.2]),
        constant("b", np.ones(2, np.int32), [0.05, 0.1], axis=3),
        Tensor("y", (1, 2, 2, 2), scale=0.5),
    ]
    options = {"strideH": 1, "strideW": 1}
    conv = Operator("CONV_2D", ("x", "w", "b"), ("y",), options)
    bias = load_tflite(build_model(tensors, [conv], ("x",), ("y",))).type("b").quantization
    assert bias is not None
    assert bias.axis == 0


def test_int8_weights_of_a_float_operator_are_widened() -> None:
    w = constant("w", np.array([[1, -2], [3, 4]], np.int8), [0.5, 0.25])
    graph = single_op("FULLY_CONNECTED", (1, 2), (1, 2), w)
    np.testing.assert_array_equal(graph.constant(only(graph).inputs[1]), [[0.5, -1], [0.75, 1]])


# Pooling, reduction, resizing


@pytest.mark.parametrize("op", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_pools_keep_window_and_activation(op: str, dtype: str) -> None:
    options = {"strideH": 2, "strideW": 1, "filterHeight": 3, "filterWidth": 2}
    options["fusedActivationFunction"] = 1
    graph = single_op(op, (1, 7, 5, 3), (1, 4, 5, 3), options=options, dtype=dtype)
    node = only(graph)
    assert node.op == {"AVERAGE_POOL_2D": "avg_pool2d", "MAX_POOL_2D": "max_pool2d"}[op]
    assert node.attrs == {
        "kernel": (3, 2), "stride": (2, 1), "padding": (1, 1, 0, 1), "activation": "relu",
    }  # fmt: skip


def test_mean_counts_negative_axes_from_the_end() -> None:
    axes = ints("axes", -2, 1)
    graph = single_op("MEAN", (1, 4, 5, 3), (1, 3), axes, dtype="int8", y_scale=0.1)
    assert only(graph).attrs == {"axes": (1, 2), "keepdims": False}
    kept = single_op("MEAN", (1, 4, 5, 3), (1, 1, 1, 3), axes, options={"keepDims": True})
    assert only(kept).attrs["keepdims"] is True


@pytest.mark.parametrize(
    ("op", "mode"), [("RESIZE_BILINEAR", "bilinear"), ("RESIZE_NEAREST_NEIGHBOR", "nearest")]
)
def test_resize_keeps_its_coordinate_rule(op: str, mode: str) -> None:
    options = {"halfPixelCenters": True}
    graph = single_op(op, (1, 4, 5, 3), (1, 8, 6, 3), ints("size", 8, 6), options=options)
    attrs = only(graph).attrs
    assert (attrs["size"], attrs["mode"]) == ((8, 6), mode)
    assert (attrs["align_corners"], attrs["half_pixel_centers"]) == (False, True)


# Elementwise


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_arithmetic_takes_a_constant_that_broadcasts(op: str) -> None:
    options = {"fusedActivationFunction": 2}
    graph = single_op(op, (1, 4, 4, 3), (1, 4, 4, 3), floats("c", 3), options=options)
    assert only(graph).op == op.lower()
    assert only(graph).attrs["activation"] == "relu_n1_to_1"


def test_int8_add_keeps_three_scales() -> None:
    tensors = [
        Tensor("a", (1, 4), scale=0.5),
        Tensor("b", (1, 4), scale=0.25, zero_point=7),
        Tensor("y", (1, 4), scale=0.75),
    ]
    graph = imported(build_model(tensors, [Operator("ADD", ("a", "b"), ("y",))], "ab", "y"))
    scales = [graph.type(name).quantization for name in "aby"]
    assert scales == [Quantization.per_tensor(s, z) for s, z in ((0.5, 0), (0.25, 7), (0.75, 0))]


FUNCTIONS = {
    "ABS": "abs", "ELU": "elu", "EXP": "exp", "HARD_SWISH": "hard_swish", "LOG": "log",
    "LOGISTIC": "sigmoid", "NEG": "negate", "RELU": "relu", "RELU6": "relu6",
    "RELU_N1_TO_1": "relu_n1_to_1", "RSQRT": "rsqrt", "SQRT": "sqrt", "SQUARE": "square",
    "TANH": "tanh", "GELU": "gelu", "LEAKY_RELU": "leaky_relu",
}  # fmt: skip


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
def test_functions_of_one_value_are_unary_nodes(op: str) -> None:
    node = only(single_op(op, (1, 4, 3), (1, 4, 3)))
    assert (node.op, node.attrs["function"]) == ("unary", FUNCTIONS[op])


def test_leaky_relu_keeps_its_slope() -> None:
    graph = single_op("LEAKY_RELU", (1, 4), (1, 4), options={"alpha": 0.25}, dtype="int8")
    assert only(graph).attrs == {"function": "leaky_relu", "alpha": 0.25}


def test_approximate_gelu_is_the_tanh_form() -> None:
    graph = single_op("GELU", (1, 4), (1, 4), options={"approximate": True})
    assert only(graph).attrs["function"] == "gelu_tanh"


def test_softmax_keeps_beta() -> None:
    graph = single_op("SOFTMAX", (1, 4), (1, 4), options={"beta": 2.0})
    assert only(graph).attrs == {"beta": 2.0}


# Moving values


def test_reshape_infers_one_axis() -> None:
    graph = single_op("RESHAPE", (1, 4, 2, 3), (1, 24), ints("shape", 1, -1))
    assert only(graph).attrs["shape"] == (1, 24)
    assert only(graph).inputs == ("x",)


def test_squeeze_and_expand_dims_are_reshapes() -> None:
    squeezed = single_op("SQUEEZE", (1, 1, 1, 5), (1, 5), options={"squeezeDims": [1, 2]})
    assert only(squeezed).attrs["shape"] == (1, 5)
    expanded = single_op("EXPAND_DIMS", (1, 5), (1, 1, 5), ints("axis", 1))
    assert only(expanded).attrs["shape"] == (1, 1, 5)


def test_transpose_keeps_its_permutation() -> None:
    graph = single_op("TRANSPOSE", (1, 2, 3, 4), (1, 4, 2, 3), ints("perm", 0, 3, 1, 2))
    assert only(graph).attrs["permutation"] == (0, 3, 1, 2)


def test_pad_lists_before_and_after_of_each_axis() -> None:
    amounts = constant("p", np.array([[0, 0], [1, 2], [3, 4], [0, 0]], np.int32))
    graph = single_op("PAD", (1, 4, 4, 1), (1, 7, 11, 1), amounts, dtype="int8")
    assert only(graph).attrs == {"padding": (0, 0, 1, 2, 3, 4, 0, 0), "value": 0.0}


def test_padv2_gives_the_value_as_a_real_number() -> None:
    amounts = constant("p", np.array([[0, 0], [1, 1]], np.int32))
    value = constant("v", np.array([-6], np.int8), 0.5, 0)
    graph = single_op("PADV2", (1, 4), (1, 6), amounts, value, dtype="int8")
    assert only(graph).attrs["value"] == -3.0


def test_concatenation_counts_a_negative_axis_from_the_end() -> None:
    graph = single_op(
        "CONCATENATION", (1, 2, 3), (1, 2, 7), floats("c", 1, 2, 4), options={"axis": -1}
    )
    assert only(graph).attrs["axis"] == 2


def test_pack_concatenates_along_a_new_axis() -> None:
    tensors = [Tensor(name, (1, 4), "float32") for name in "ab"]
    tensors.append(Tensor("y", (1, 2, 4), "float32"))
    pack = Operator("PACK", ("a", "b"), ("y",), {"valuesCount": 2, "axis": 1})
    graph = imported(build_model(tensors, [pack], "ab", "y"))
    assert [node.op for node in graph.nodes] == ["reshape", "reshape", "concat"]


def test_slice_turns_sizes_into_ends() -> None:
    begin, size = ints("begin", 0, 1, 2), ints("size", 1, 2, -1)
    graph = single_op("SLICE", (1, 4, 6), (1, 2, 4), begin, size)
    assert only(graph).attrs == {"begin": (0, 1, 2), "end": (1, 3, 6), "strides": (1, 1, 1)}


def test_strided_slice_follows_its_masks() -> None:
    bounds = ints("b", 0, -3, 1), ints("e", 0, -1, 0), ints("s", 1, 1, 2)
    options = {"beginMask": 0b001, "endMask": 0b101}
    graph = single_op("STRIDED_SLICE", (1, 4, 6), (1, 2, 3), *bounds, options=options)
    assert only(graph).attrs == {"begin": (0, 1, 1), "end": (1, 3, 6), "strides": (1, 1, 2)}


def test_strided_slice_drops_the_axes_of_its_shrink_mask() -> None:
    bounds = ints("b", 0, -1), ints("e", 1, 0), ints("s", 1, 1)
    graph = single_op("STRIDED_SLICE", (1, 4, 6), (1, 6), *bounds, options={"shrinkAxisMask": 0b10})
    assert [node.op for node in graph.nodes] == ["slice", "reshape"]
    assert graph.nodes[0].attrs["begin"] == (0, 3, 0)
    assert graph.nodes[0].attrs["end"] == (1, 4, 6)


def test_split_becomes_slices() -> None:
    tensors = [
        ints("axis", -1),
        Tensor("x", (1, 2, 6), "float32"),
        Tensor("a", (1, 2, 3), "float32"),
        Tensor("b", (1, 2, 3), "float32"),
    ]
    split = Operator("SPLIT", ("axis", "x"), ("a", "b"), {"numSplits": 2})
    graph = imported(build_model(tensors, [split], ("x",), ("a", "b")))
    assert [(n.op, n.attrs["begin"], n.attrs["end"]) for n in graph.nodes] == [
        ("slice", (0, 0, 0), (1, 2, 3)),
        ("slice", (0, 0, 3), (1, 2, 6)),
    ]


def test_split_v_gives_the_rest_to_minus_one() -> None:
    tensors = [
        Tensor("x", (1, 7), "float32"),
        ints("sizes", 2, -1),
        ints("axis", 1),
        Tensor("a", (1, 2), "float32"),
        Tensor("b", (1, 5), "float32"),
    ]
    split = Operator("SPLIT_V", ("x", "sizes", "axis"), ("a", "b"), {"numSplits": 2})
    graph = imported(build_model(tensors, [split], ("x",), ("a", "b")))
    assert [node.attrs["end"] for node in graph.nodes] == [(1, 2), (1, 7)]


# Quantization and folding


def test_quantize_and_dequantize_bracket_an_int8_model() -> None:
    tensors = [
        Tensor("x", (1, 4), "float32"),
        Tensor("q", (1, 4), scale=0.5),
        Tensor("r", (1, 4), scale=0.25, zero_point=3),
        Tensor("y", (1, 4), "float32"),
    ]
    operators = [
        Operator("QUANTIZE", ("x",), ("q",)),
        Operator("QUANTIZE", ("q",), ("r",)),
        Operator("DEQUANTIZE", ("r",), ("y",)),
    ]
    graph = imported(build_model(tensors, operators, ("x",), ("y",)))
    assert [node.op for node in graph.nodes] == ["quantize", "requantize", "dequantize"]


@pytest.mark.parametrize(
    "stored",
    [
        constant("half", np.array([[0.5, -1.25]], np.float16)),
        constant("half", np.array([[2, -5]], np.int8), 0.25),
    ],
    ids=["float16", "int8"],
)
def test_dequantize_of_a_constant_is_folded(stored: Tensor) -> None:
    tensors = [Tensor("x", (1, 2), "float32"), stored, Tensor("w", (1, 2), "float32"),
               Tensor("y", (1, 1), "float32")]  # fmt: skip
    operators = [
        Operator("DEQUANTIZE", ("half",), ("w",)),
        Operator("FULLY_CONNECTED", ("x", "w"), ("y",)),
    ]
    graph = imported(build_model(tensors, operators, ("x",), ("y",)))
    assert only(graph).op == "linear"
    np.testing.assert_array_equal(graph.constant("w"), np.array([[0.5, -1.25]], np.float32))


def test_shape_arithmetic_of_a_flatten_layer_is_folded() -> None:
    tensors = [
        Tensor("x", (1, 2, 2, 3), "float32"),
        Tensor("shape", (4,), "int32"),
        *(ints(name, number) for name, number in (("b", 0), ("e", 1), ("s", 1))),
        Tensor("batch", (), "int32"),
        constant("rest", np.array(12, np.int32)),
        Tensor("target", (2,), "int32"),
        Tensor("y", (1, 12), "float32"),
    ]
    operators = [
        Operator("SHAPE", ("x",), ("shape",), {"outType": 2}),
        Operator("STRIDED_SLICE", ("shape", "b", "e", "s"), ("batch",), {"shrinkAxisMask": 1}),
        Operator("PACK", ("batch", "rest"), ("target",), {"valuesCount": 2}),
        Operator("RESHAPE", ("x", "target"), ("y",)),
    ]
    graph = load_tflite(build_model(tensors, operators, ("x",), ("y",)))
    assert only(graph).op == "reshape"
    assert set(graph.values) == {"x", "y"}


# Names


def test_names_are_unique_identifiers() -> None:
    tensors = [Tensor(name, (1, 4), "float32") for name in ("1/x:0", "a b", "a/b", "")]
    operators = [
        Operator("RELU", ("1/x:0",), ("a b",)),
        Operator("RELU", ("a b",), ("a/b",)),
    ]
    graph = load_tflite(build_model(tensors[:3], operators, ("1/x:0",), ("a/b",)), name="my model")
    assert graph.name == "my_model"
    assert (graph.inputs, graph.outputs) == (("t_1_x_0",), ("a_b_1",))
    assert [node.name for node in graph.nodes] == ["unary_0", "unary_1"]


def test_rounding_is_the_callers_choice() -> None:
    file = build_model(
        [Tensor("x", (1, 4), scale=0.5), Tensor("y", (1, 4), scale=0.5)],
        [Operator("RELU", ("x",), ("y",))],
        ("x",),
        ("y",),
    )
    assert load_tflite(file, rounding=Rounding.TFLM).rounding is Rounding.TFLM
