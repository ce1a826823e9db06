"""What the .tflite front end refuses: unsupported models (exit 3), damaged files (exit 2)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.frontends.tflite import load_tflite
from tests.frontends.tflite_builder import (
    Operator,
    Tensor,
    build_model,
    build_object,
    constant,
    pack,
)


def refusal(file: bytes | Path) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        load_tflite(file)
    return caught.value


def damage(file: bytes) -> str:
    error = refusal(file)
    assert error.exit_status == 2
    (diagnostic,) = error.diagnostics
    assert diagnostic.code in ("E0020", "E0021", "E0022")
    return diagnostic.title


CONV = [
    Tensor("x", (1, 4, 4, 2), scale=0.5),
    constant("w", np.ones((3, 3, 3, 2), np.int8), [0.1, 0.2, 0.3]),
    constant("b", np.ones(3, np.int32), [0.05, 0.1, 0.15]),
    Tensor("y", (1, 4, 4, 3), scale=0.5),
]


def conv_object(*tensors: Tensor, **options: int) -> Any:
    """A ModelT of one 3x3 convolution, with tensors of the same names replaced."""
    replaced = {tensor.name: tensor for tensor in (*CONV, *tensors)}
    conv = Operator("CONV_2D", ("x", "w", "b"), ("y",), {"strideH": 1, "strideW": 1, **options})
    return build_object(list(replaced.values()), [conv], ("x",), ("y",))


def conv_file(*tensors: Tensor, **options: int) -> bytes:
    return pack(conv_object(*tensors, **options))


def float_chain(*ops: str) -> bytes:
    """Operators of one input after each other."""
    tensors = [Tensor(f"t{i}", (1, 4), "float32") for i in range(len(ops) + 1)]
    operators = [Operator(op, (f"t{i}",), (f"t{i + 1}",)) for i, op in enumerate(ops)]
    return build_model(tensors, operators, ("t0",), (f"t{len(ops)}",))


# Not supported: everything is reported at once


def test_all_unsupported_operators_are_reported_at_once() -> None:
    error = refusal(float_chain("CUMSUM", "RELU", "SIN", "CUMSUM", "TFLite_Detection_PostProcess"))
    assert error.exit_status == 3
    assert [diagnostic.code for diagnostic in error.diagnostics] == ["E0101"] * 3
    cumsum, sin, custom = error.diagnostics
    assert cumsum.title == "operator CUMSUM is not supported (2 times)"
    assert cumsum.where == "operator 0: CUMSUM 't1'"
    assert cumsum.notes == ("also at operator 3: CUMSUM 't4'",)
    assert "CONV_2D" in cumsum.help[0]
    assert sin.help == ()  # said already
    assert sin.title == "operator SIN is not supported"
    assert custom.title == "custom operator 'TFLite_Detection_PostProcess' is not supported"
    assert "application" in custom.help[0]


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        (conv_file(Tensor("x", (1, 4, 4, 2), "uint8", 0.5)), "E0103", "uint8"),
        (conv_file(Tensor("x", (1, 4, 4, 2), "int16", 0.5)), "E0103", "int16"),
        (conv_file(Tensor("x", (1, 4, 4, 2), "string")), "E0103", "string"),
        (conv_file(Tensor("x", (1, 4, 4, 2))), "E0103", "without quantization"),
        (conv_file(Tensor("x", (1, 4, 4, 2), "float32")), "E0103", "CONV_2D"),
        (conv_file(Tensor("y", (1, 4, 4, 3), "float32")), "E0103", "from int8 to float32"),
        (
            conv_file(constant("b", np.ones(3, np.int64), [0.1, 0.2, 0.3])),
            "E0103",
            "bias of int64",
        ),
        (
            conv_file(constant("w", np.ones((3, 3, 3, 2), np.int8), [0.1, 0.2, 0.3], 4)),
            "E0102",
            "asymmetric weights",
        ),
        (
            conv_file(constant("w", np.ones((3, 3, 3, 2), np.int8), [0.1, 0.2], axis=3)),
            "E0102",
            "scales along axis 3",
        ),
        (conv_file(fusedActivationFunction=4), "E0102", "fused tanh"),
        (conv_file(Tensor("x", (2, 4, 4, 2), scale=0.5)), "E0105", "batch"),
        (conv_file(Tensor("x", (1, -1, 4, 2), scale=0.5)), "E0104", "dynamic shape"),
        (
            build_model(CONV, [Operator("CONV_2D", ("x", "x"), ("y",))], ("x",), ("y",)),
            "E0102",
            "computed at run time",
        ),
    ],
)
def test_unsupported_models_exit_with_3(file: bytes, code: str, words: str) -> None:
    error = refusal(file)
    assert error.exit_status == 3
    assert code in [diagnostic.code for diagnostic in error.diagnostics]
    assert words in str(error)


def test_uint8_models_are_told_how_to_convert() -> None:
    assert "inference_input_type" in str(refusal(conv_file(Tensor("x", (1, 4, 4, 2), "uint8", 1))))


def test_a_free_height_of_the_input_is_refused_but_a_free_batch_is_one() -> None:
    model = conv_object()
    model.subgraphs[0].tensors[0].shapeSignature = [-1, 4, 4, 2]
    load_tflite(pack(model))
    model.subgraphs[0].tensors[0].shapeSignature = [1, -1, 4, 2]
    assert refusal(pack(model)).diagnostics[0].code == "E0104"


def test_a_reshape_to_a_computed_shape_is_refused() -> None:
    tensors = [
        Tensor("x", (1, 4), "float32"),
        Tensor("s", (2,), "int32"),
        Tensor("y", (2, 2), "float32"),
    ]
    reshape = Operator("RESHAPE", ("x", "s"), ("y",))
    assert "run time" in str(refusal(build_model(tensors, [reshape], ("x", "s"), ("y",))))


def test_concatenation_of_different_scales_is_refused() -> None:
    tensors = [
        Tensor("a", (1, 4), scale=0.5),
        Tensor("b", (1, 4), scale=0.25),
        Tensor("y", (1, 8), scale=0.5),
    ]
    concat = Operator("CONCATENATION", ("a", "b"), ("y",), {"axis": 1})
    assert "changes the quantization" in str(refusal(build_model(tensors, [concat], "ab", "y")))


def test_several_subgraphs_are_refused() -> None:
    model = conv_object()
    model.subgraphs.append(model.subgraphs[0])
    error = refusal(pack(model))
    assert (error.exit_status, error.diagnostics[0].code) == (3, "E0107")


def test_state_in_variable_tensors_is_refused() -> None:
    model = conv_object()
    model.subgraphs[0].tensors[0].isVariable = True
    assert refusal(pack(model)).diagnostics[0].code == "E0107"


# Damaged: one error that says what is wrong


def test_a_missing_file_is_named() -> None:
    error = refusal(Path("no/such.tflite"))
    assert (error.exit_status, error.diagnostics[0].code) == (2, "E0001")
    assert "no/such.tflite" in str(error)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x00" * 64, b"PK\x03\x04" * 16])
def test_other_files_are_not_tflite(content: bytes) -> None:
    assert "not a .tflite file" in damage(content)


def test_every_truncation_is_noticed() -> None:
    file = conv_file()
    for length in range(0, len(file), 7):
        damage(file[:length])


def with_tensor(index: int, **fields: Any) -> bytes:
    model = conv_object()
    for name, value in fields.items():
        setattr(model.subgraphs[0].tensors[index], name, value)
    return pack(model)


def with_scale(index: int, **fields: Any) -> bytes:
    model = conv_object()
    for name, value in fields.items():
        setattr(model.subgraphs[0].tensors[index].quantization, name, value)
    return pack(model)


def with_graph(**fields: Any) -> bytes:
    model = conv_object()
    for name, value in fields.items():
        setattr(model.subgraphs[0], name, value)
    return pack(model)


def with_operator(**fields: Any) -> bytes:
    model = conv_object()
    for name, value in fields.items():
        setattr(model.subgraphs[0].operators[0], name, value)
    return pack(model)


def with_model(change: Callable[[Any], None]) -> bytes:
    model = conv_object()
    change(model)
    return pack(model)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (with_tensor(0, shape=[1 << 30, 1 << 30, 4, 2]), "absurd shape"),
        (with_tensor(0, shape=[1, -4, 4, 2]), "absurd shape"),
        (with_tensor(0, shape=[1, 0, 4, 2]), "shape [1, 0, 4, 2]"),
        (with_tensor(0, shape=[1] * 9), "9 dimensions"),
        (with_tensor(0, shape=[4, 4, 2]), "shape [4, 4, 2]"),
        (with_tensor(0, type=99), "element type 99"),
        (with_tensor(1, shape=[3, 3, 3, 1]), "holds 54 bytes"),
        (with_tensor(1, buffer=7), "buffer 7"),
        (with_tensor(2, shape=[1, 3], quantization=None), "bias [1, 3] for 3 channels"),
        (with_tensor(3, shape=[1, 4, 4, 4]), "declared as [(1, 4, 4, 4)]"),
        (with_scale(0, scale=[float("nan")]), "not finite"),
        (with_scale(0, scale=[float("inf")]), "not finite"),
        (with_scale(0, scale=[-1.0]), "negative"),
        (with_scale(0, scale=[0.0]), "scale 0"),
        (with_scale(0, zeroPoint=[300]), "zero point"),
        (with_scale(0, zeroPoint=[0, 0]), "2 zero points"),
        (with_scale(1, scale=[0.1, 0.2], zeroPoint=[0, 0]), "2 scales along axis 0"),
        (with_scale(1, quantizedDimension=1 << 20), "axis 1048576"),
        (with_graph(inputs=[99]), "tensor 99 of 4"),
        (with_graph(inputs=[-1]), "tensor -1"),
        (with_graph(inputs=[0, 0]), "twice"),
        (with_graph(inputs=[0, 1]), "constant"),
        (with_graph(inputs=[]), "before it is made"),
        (with_graph(outputs=[]), "no outputs"),
        (with_graph(operators=[]), "never made"),
        (with_operator(inputs=[0, 1, 77]), "tensor 77"),
        (with_operator(inputs=[3, 1, 2]), "before it is made"),
        (with_operator(inputs=[0]), "lacks input 1"),
        (with_operator(outputs=[0]), "makes tensor 0 again"),
        (with_operator(outputs=[]), "never made"),
        (with_operator(opcodeIndex=5), "code index 5"),
        (with_model(lambda m: setattr(m, "subgraphs", [])), "no graph"),
        (with_model(lambda m: setattr(m, "version", 9)), "version 9"),
        (conv_file(strideH=0), "stride (0, 1)"),
        (conv_file(strideW=-3), "stride (1, -3)"),
        (conv_file(dilationHFactor=0), "dilation (0, 1)"),
        (conv_file(padding=7), "padding 7"),
        (conv_file(fusedActivationFunction=17), "activation 17"),
        (conv_file(constant("w", np.ones((3, 9, 9, 2), np.int8), 0.1), padding=1), "does not fit"),
        (conv_file(constant("w", np.ones((3, 3, 3, 5), np.int8), 0.1)), "5 channels"),
        (
            build_model(
                [Tensor("x", (1, 2), "float32"), constant("c", np.full(2, np.nan, np.float32)),
                 Tensor("y", (1, 2), "float32")],
                [Operator("ADD", ("x", "c"), ("y",))], ("x",), ("y",),
            ),
            "NaN",
        ),
    ],
)  # fmt: skip
def test_damaged_models_exit_with_2_and_say_why(file: bytes, words: str) -> None:
    assert words in damage(file)


def test_operators_out_of_order_are_refused() -> None:
    tensors = [Tensor(name, (1, 4), "float32") for name in "xyz"]
    cycle = [Operator("ADD", ("x", "z"), ("y",)), Operator("RELU", ("y",), ("z",))]
    assert "before it is made" in damage(build_model(tensors, cycle, "x", "z"))


def test_two_operators_cannot_make_one_tensor() -> None:
    tensors = [Tensor(name, (1, 4), "float32") for name in "xy"]
    twice = [Operator("RELU", ("x",), ("y",)), Operator("ABS", ("x",), ("y",))]
    assert "makes tensor 1 again" in damage(build_model(tensors, twice, "x", "y"))


# Files that would cost far more than their size


def test_a_vector_longer_than_the_file_is_refused() -> None:
    file = conv_file()
    weights = bytes([1] * 54)
    at = file.index(weights) - 4
    damage(file[:at] + struct.pack("<I", 0xFFFFFFF0) + file[at + 4 :])


@pytest.mark.parametrize(("count", "words"), [(1 << 14, "overlap"), (1 << 20, "list of 1048576")])
def test_one_table_listed_again_and_again_is_refused(count: int, words: str) -> None:
    assert words in damage(aliasing_file(count))


def aliasing_file(count: int) -> bytes:
    """A model whose list of subgraphs has `count` entries, all the same empty table."""
    root_at, vtable_at, list_at = 8, 20, 34
    table_at = list_at + 4 + 4 * count
    head = struct.pack("<I4s", root_at, b"TFL3")
    root = struct.pack("<iII", root_at - vtable_at, 3, list_at - (root_at + 8))
    vtable = struct.pack("<7H", 14, 12, 4, 0, 8, 0, 0)
    offsets = (np.uint32(table_at) - np.arange(list_at + 4, table_at, 4)).astype("<u4")
    table = struct.pack("<iHH", -4, 4, 4)
    return head + root + vtable + struct.pack("<I", count) + offsets.tobytes() + table
