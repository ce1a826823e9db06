"""Every operator of the table has a float32 kernel, or a reason to have none."""

from __future__ import annotations

import pytest

from edge.ir.ops import OPS
from edge.planning import kernels_ref, kernels_ref_f32
from edge.reference.kernels import FLOAT_ORDERED, MOVES

LANGUAGE = (
    "embedding", "rms_norm", "rotary", "append", "ring_attention", "residual", "argmax", "advance",
)  # fmt: skip
WITHOUT_FLOAT_KERNEL = {
    "batch_norm": "folded into a convolution, a linear layer, or mul and add",
    "lookup": "a table of 256 results: the float form is unary",
    "quantize": "a quantized model has no fp32 form: E0209",
    "dequantize": "a quantized model has no fp32 form: E0209",
    "requantize": "a quantized model has no fp32 form: E0209",
    **dict.fromkeys(LANGUAGE, "a language model is imported as integers"),
}
MOVES_OF_ANY_TYPE = {"concat", "resize", "transpose", "slice"}
ALIASED = {"reshape"}


@pytest.mark.parametrize("op", sorted(OPS))
def test_an_operator_has_a_float_kernel_or_a_reason(op: str) -> None:
    of_floats = {kernel.op for kernel in kernels_ref_f32.KERNELS} | MOVES_OF_ANY_TYPE | ALIASED
    assert (op in of_floats) is (op not in WITHOUT_FLOAT_KERNEL)


def test_what_moves_bytes_is_a_kernel_of_any_type() -> None:
    names = {k.op: k.name for k in kernels_ref.KERNELS if not k.name.endswith("_s8")}
    assert set(names) >= MOVES_OF_ANY_TYPE


def test_every_operator_with_a_float_kernel_has_an_ordered_reference() -> None:
    defined = set(FLOAT_ORDERED) | set(MOVES)
    assert set(OPS) - defined == set(WITHOUT_FLOAT_KERNEL)
