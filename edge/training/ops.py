"""The operators that a training step has beside those of inference: slots, and who shares memory.

Every operator here sees whole tensors and is called once. A gradient is int8 with an exponent of
its own, int32[1] ("int8" arithmetic), or float32 without one: then `exponent` slots are empty.
The true gradient is `gradient * 2**exponent * unit`; the unit is known when the graph is made.

`sparse` ones take a weight of live blocks and say where they are (`edge.training.blocks`).
`masked_<op>` and `live_<op>` compute what <op> computes, and one bit an output: whether the value
before the clamp lay inside it. `live` operators read weights and biases that training changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class TrainingOp:
    """Slots by name; "?" marks what may be missing.

    updates: output slot -> input slot of the state that it takes the place of.
    over: output slot -> input slot over which it may be written, element by element upwards.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    updates: Mapping[int, int] = field(default_factory=dict)
    over: Mapping[int, int] = field(default_factory=dict)


_LIVE = TrainingOp(("x", "weight", "bias", "multiplier", "shift"), ("y", "mask?"))
_TERNARY = TrainingOp(("a", "b"), ("y", "mask"))
_UNARY = TrainingOp(("x",), ("y", "mask"))
_GRADIENT = ("gradient", "exponent?")
_UPDATE = TrainingOp(
    (*_GRADIENT, "x", "high", "low?", "multiplier", "shift?", "counter?"),
    ("high", "low?"),
    {0: 3, 1: 4},
)
_THROUGH_WEIGHT = TrainingOp((*_GRADIENT, "weight"), _GRADIENT)
_PLACES = ("columns", "counts")


def _sparse(op: TrainingOp) -> TrainingOp:
    """The same with a weight of live blocks alone."""
    return replace(op, inputs=(*op.inputs, *_PLACES))


TRAINING_OPS: dict[str, TrainingOp] = {
    "live_conv2d": _LIVE,
    "live_depthwise_conv2d": _LIVE,
    "live_linear": _LIVE,
    "masked_add": _TERNARY,
    "masked_sub": _TERNARY,
    "masked_mul": _TERNARY,
    "masked_matmul": _TERNARY,
    "masked_requantize": _UNARY,
    "masked_avg_pool2d": _UNARY,
    "masked_mean": _UNARY,
    "join_weight": TrainingOp(("trained", "frozen"), ("weight",)),
    "cross_entropy_gradient": TrainingOp(("logits", "label", "table?"), _GRADIENT),
    "squared_error_gradient": TrainingOp(("y", "target"), _GRADIENT),
    "clip_gradient": TrainingOp(
        (*_GRADIENT, "mask?", "multiplier?"), _GRADIENT, over={0: 0}
    ),
    "clip_wide_gradient": TrainingOp((*_GRADIENT, "mask?", "multiplier?"), _GRADIENT, over={0: 0}),
    "add_gradient": TrainingOp(
        ("gradient", "exponent?", "other", "other_exponent?"), _GRADIENT, over={0: 0}
    ),
    "narrow_gradient": TrainingOp(("gradient", "exponent"), _GRADIENT, over={0: 0}),
    "conv2d_input_gradient": _THROUGH_WEIGHT,
    "depthwise_conv2d_input_gradient": _THROUGH_WEIGHT,
    "linear_input_gradient": _THROUGH_WEIGHT,
    "avg_pool2d_gradient": TrainingOp(("gradient", "multiplier"), ("gradient",)),
    "max_pool2d_gradient": TrainingOp(("gradient", "x"), ("gradient",)),
    "mean_gradient": TrainingOp(("gradient",), ("gradient",)),
    "slice_gradient": TrainingOp(("gradient",), ("gradient",)),
    "lookup_gradient": TrainingOp((*_GRADIENT, "x", "table"), _GRADIENT, over={0: 0}),
    "mul_gradient": TrainingOp((*_GRADIENT, "other"), _GRADIENT),
    "matmul_gradient": TrainingOp((*_GRADIENT, "other"), _GRADIENT),
    "softmax_gradient": TrainingOp((*_GRADIENT, "x", "table"), _GRADIENT),
    "resize_gradient": TrainingOp(
        (*_GRADIENT, "row_index", "column_index", "row_fraction?", "column_fraction?"), _GRADIENT
    ),
    "sum_gradient": TrainingOp((*_GRADIENT, "other?"), _GRADIENT),
    "layer_norm_gradient": TrainingOp(
        (*_GRADIENT, "x", "gain", "offset", "weight?"), _GRADIENT
    ),
    "count": TrainingOp(("counter",), ("counter",), {0: 0}),
    "update_bias": TrainingOp(
        (*_GRADIENT, "bias", "multiplier", "shift?"), ("bias",), {0: 2}
    ),
    "update_conv2d_weight": _UPDATE,
    "update_depthwise_conv2d_weight": _UPDATE,
    "update_linear_weight": _UPDATE,
    "live_sparse_conv2d": _sparse(_LIVE),
    "live_sparse_linear": _sparse(_LIVE),
    "sparse_conv2d_input_gradient": _sparse(_THROUGH_WEIGHT),
    "sparse_linear_input_gradient": _sparse(_THROUGH_WEIGHT),
    "update_sparse_conv2d_weight": _sparse(_UPDATE),
    "update_sparse_linear_weight": _sparse(_UPDATE),
    "top_gradient": TrainingOp(("gradient",), ("gradient",), over={0: 0}),
}  # fmt: skip
