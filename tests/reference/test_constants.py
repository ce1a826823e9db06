"""Constants that cannot be right are refused with the place in the model and what would help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value
from edge.ir.graph import Attr
from edge.quantization import constants
from edge.quantization.activation_tables import lookup_table
from edge.quantization.constants import Form
from edge.quantization.resize_tables import resize_tables
from edge.quantization.softmax_table import softmax_table

Scale = tuple[float, int]


def int8(name: str, shape: tuple[int, ...], quantization: Scale) -> Value:
    return Value(name, TensorType(shape, DType.INT8, Quantization.per_tensor(*quantization)))


def single(
    op: str, x: Value, y: Value, *rest: Value, rounding: Rounding = Rounding.SINGLE, **attrs: Attr
) -> tuple[Graph, Node]:
    values = {value.name: value for value in (x, *rest, y)}
    node = Node("n", op, tuple(v.name for v in (x, *rest)), ("y",), attrs, "model.py:7")
    return Graph("g", ("x",), ("y",), (node,), values, rounding), node


def linear(
    weight: np.ndarray[Any, Any],
    bias: np.ndarray[Any, Any] | None = None,
    weight_type: Quantization | None = None,
    out: Scale = (0.1, 0),
    rounding: Rounding = Rounding.SINGLE,
) -> tuple[Graph, Node]:
    units, features = weight.shape
    quantization = weight_type or Quantization.per_tensor(0.01, 0)
    rest = [Value("w", TensorType(weight.shape, DType.INT8, quantization), weight)]
    if bias is not None:
        rest.append(Value("b", TensorType((units,), DType.INT32), bias.astype(np.int32)))
    x, y = int8("x", (1, features), (0.05, 7)), int8("y", (1, units), out)
    return single("linear", x, y, *rest, rounding=rounding)


ONES = np.ones((2, 3), np.int8)


def test_the_zero_point_of_the_input_is_folded_into_the_bias() -> None:
    weighted = constants.weighted(*linear(ONES, np.array([100, -5])))
    assert weighted.bias.dtype == np.int32
    assert weighted.bias.tolist() == [100 - 7 * 3, -5 - 7 * 3]
    assert weighted.in_zero_point == 7


def test_one_scale_for_all_channels_needs_one_multiplier() -> None:
    assert len(constants.weighted(*linear(ONES)).requantize.multiplier) == 1
    per_channel = Quantization((0.01, 0.02), (0, 0), 0)
    requantize = constants.weighted(*linear(ONES, weight_type=per_channel)).requantize
    assert requantize.multiplier.tolist() == [round(0.005 * 2**31), round(0.01 * 2**31)]
    assert requantize.shift.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("rounding", "form"),
    [(Rounding.SINGLE, Form.ONCE), (Rounding.TFLITE, Form.ONCE), (Rounding.TFLM, Form.TWICE)],
)
def test_the_form_of_linear_follows_the_rounding(rounding: Rounding, form: Form) -> None:
    assert constants.weighted(*linear(ONES, rounding=rounding)).requantize.form is form


def refused(code: str, text: str, graph: Graph, node: Node, function: Any) -> None:
    with pytest.raises(EdgeError, match=text) as error:
        function(graph, node)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.where == "model.py:7"


def test_a_sum_that_exceeds_int32_is_refused() -> None:
    bias = np.array([0, 2**31 - 200])
    refused("E0213", "channel 1 can reach", *linear(ONES, bias), constants.weighted)


def test_a_bias_of_a_channel_without_weights_may_be_large() -> None:
    bias = np.array([2**31 - 1, -(2**31) + 1])
    weight_type = Quantization((1e-13, 1e-13), (0, 0), 0)
    data = np.zeros((2, 3), np.int8)
    weighted = constants.weighted(*linear(data, bias, weight_type))
    assert weighted.requantize.multiplier.tolist() == [0, 0]


def test_asymmetric_weights_are_refused() -> None:
    weight_type = Quantization.per_tensor(0.01, 3)
    refused("E0212", "zero point", *linear(ONES, weight_type=weight_type), constants.weighted)


def test_weights_quantized_along_the_inputs_are_refused() -> None:
    weight_type = Quantization((0.1, 0.1, 0.1), (0, 0, 0), 1)
    refused("E0212", "along axis 1", *linear(ONES, weight_type=weight_type), constants.weighted)


def test_a_scale_of_zero_is_refused() -> None:
    refused("E0210", "y has the scale 0", *linear(ONES, out=(0.0, 0)), constants.weighted)


def test_an_output_scale_far_too_small_is_refused() -> None:
    refused("E0211", "do not fit int32", *linear(ONES, out=(1e-12, 0)), constants.weighted)


def test_a_softmax_of_another_output_scale_is_refused() -> None:
    graph, node = single("softmax", int8("x", (1, 9), (0.1, 0)), int8("y", (1, 9), (0.1, 0)))
    refused("E0214", "scale 0.1", graph, node, softmax_table)


def test_a_softmax_of_too_many_classes_is_refused() -> None:
    x, y = int8("x", (1, 5000), (0.1, 0)), int8("y", (1, 5000), (1 / 256, -128))
    refused("E0213", "5000 classes", *single("softmax", x, y), softmax_table)


def test_litert_negates_only_without_zero_points() -> None:
    x, y = int8("x", (1, 9), (0.1, 1)), int8("y", (1, 9), (0.1, -1))
    graph, node = single("unary", x, y, rounding=Rounding.TFLITE, function="negate")
    refused("E0214", "negate", graph, node, lookup_table)


def test_an_average_pool_of_litert_keeps_its_quantization() -> None:
    x, y = int8("x", (1, 4, 4, 1), (0.1, 1)), int8("y", (1, 3, 3, 1), (0.2, 1))
    graph, node = single("avg_pool2d", x, y, rounding=Rounding.TFLITE, kernel=(2, 2))
    refused("E0214", "avg_pool2d", graph, node, constants.avg_pool)


def test_an_average_pool_needs_an_entry_for_each_count_only_with_padding() -> None:
    x, y = int8("x", (1, 4, 4, 1), (0.1, 1)), int8("y", (1, 2, 2, 1), (0.2, 1))
    plain = constants.avg_pool(*single("avg_pool2d", x, y, kernel=(3, 3)))
    assert plain.requantize.multiplier.tolist() == [round(0.5 / 9 * 2**31)]
    padded = single("avg_pool2d", x, y, kernel=(4, 4), padding=(1, 0, 1, 0))
    assert len(constants.avg_pool(*padded).requantize.multiplier) == 16


@pytest.mark.parametrize(
    ("activation", "bounds"),
    [
        ("none", (-128, 127)),
        ("relu", (-28, 127)),
        ("relu6", (-28, 92)),
        ("relu_n1_to_1", (-48, -8)),
    ],
)
def test_a_fused_activation_clamps_the_stored_output(
    activation: str, bounds: tuple[int, int]
) -> None:
    x, y = int8("x", (1, 9), (0.1, 1)), int8("y", (1, 9), (0.05, -28))
    graph, node = single("add", x, y, int8("b", (1, 9), (0.1, 1)), activation=activation)
    assert constants.activation_range(graph, node) == bounds
    add = constants.add(graph, node)
    assert (add.minimum, add.maximum) == bounds


def test_the_multipliers_of_add_leave_room_for_both_operands() -> None:
    for ratio in (0.01, 1.0, 3.99, 4.0, 63.0, 1e5):
        x, b = int8("x", (1, 9), (0.1 * ratio, -128)), int8("b", (1, 9), (0.1 * ratio, -128))
        add = constants.add(*single("add", x, int8("y", (1, 9), (0.1, 0)), b))
        assert 2 * 255 * add.a.multiplier + (1 << (add.out_shift - 1)) < 2**31
        assert add.a.multiplier / 2**add.out_shift == pytest.approx(ratio, abs=2.0**-add.out_shift)


def test_a_padded_value_is_quantized() -> None:
    x, y = int8("x", (1, 2), (0.1, 5)), int8("y", (1, 4), (0.1, 5))
    attrs: dict[str, Attr] = {"padding": (0, 0, 1, 1)}
    assert constants.pad_value(*single("pad", x, y, **attrs)) == 5
    assert constants.pad_value(*single("pad", x, y, value=-2.0, **attrs)) == -15
    assert constants.pad_value(*single("pad", x, y, value=-np.inf, **attrs)) == -128


def test_nearest_resizes_have_no_fractions() -> None:
    x, y = int8("x", (1, 2, 3, 1), (0.1, 5)), int8("y", (1, 4, 6, 1), (0.1, 5))
    tables = resize_tables(*single("resize", x, y, size=(4, 6)))
    assert tables.row_fraction is None
    assert tables.row_index.tolist() == [0, 0, 1, 1]
    assert tables.column_index.tolist() == [0, 0, 1, 1, 2, 2]
