"""The operator table: for each operator its inputs, attributes, shape rule, MACs and row rule.

This table is the one list of what the IR can say. Activations are NHWC with the batch first.
Optional inputs end in "?"; a trailing "*" means any number. An attribute whose default is
REQUIRED must be given.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.ir import shapes
from edge.ir.graph import Attr, Graph, Node
from edge.ir.shapes import Shape


class RowRule(enum.Enum):
    """Which input rows one output row needs; the planner builds lifetimes and overlap on it.

    WINDOW: rows y*stride - pad_top .. + dilated kernel - 1 of the first input, clipped
            (conv_transpose2d: the rows whose kernel reaches row y);
    SAME:   row y of every activation input (elementwise along H);
    WHOLE:  everything; the output appears at once.
    """

    WINDOW = "window"
    SAME = "same"
    WHOLE = "whole"


REQUIRED = "<required>"
Macs = Callable[[list[Shape], list[Shape]], int]


@dataclass(frozen=True)
class Op:
    """The facts of one operator. `infer(input_shapes, attrs)` gives the output shapes."""

    inputs: tuple[str, ...]
    infer: Callable[[list[Shape], Mapping[str, Attr]], list[Shape]]
    rows: RowRule
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    macs: Macs = lambda ins, outs: 0


_WINDOW: dict[str, Attr] = {"stride": (1, 1), "padding": (0, 0, 0, 0)}
_ACTIVATION: dict[str, Attr] = {"activation": "none"}
ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
UNARY_FUNCTIONS = (
    "relu", "relu6", "relu_n1_to_1", "leaky_relu", "sigmoid", "tanh", "hard_swish", "hard_sigmoid",
    "silu", "gelu", "gelu_tanh", "elu", "exp", "log", "sqrt", "rsqrt", "abs", "negate", "square",
)  # fmt: skip

OPS: dict[str, Op] = {
    "conv2d": Op(
        ("x", "weight", "bias?"), shapes.conv2d, RowRule.WINDOW,
        {**_WINDOW, "dilation": (1, 1), "groups": 1, **_ACTIVATION},
        lambda ins, outs: shapes.count(outs[0]) * shapes.count(ins[1][1:]),
    ),
    "depthwise_conv2d": Op(
        ("x", "weight", "bias?"), shapes.depthwise_conv2d, RowRule.WINDOW,
        {**_WINDOW, "dilation": (1, 1), **_ACTIVATION},
        lambda ins, outs: shapes.count(outs[0]) * ins[1][1] * ins[1][2],
    ),
    "conv_transpose2d": Op(
        ("x", "weight", "bias?"), shapes.conv_transpose2d, RowRule.WINDOW,
        {**_WINDOW, "output_padding": (0, 0), **_ACTIVATION},
        lambda ins, outs: shapes.count(ins[0]) * shapes.count(ins[1][:3]),
    ),
    "matmul": Op(
        ("a", "b"), shapes.matmul, RowRule.SAME, {"transpose_b": False},
        lambda ins, outs: shapes.count(outs[0]) * ins[0][-1],
    ),
    "linear": Op(
        ("x", "weight", "bias?"), shapes.linear, RowRule.WHOLE, dict(_ACTIVATION),
        lambda ins, outs: shapes.count(outs[0]) * ins[1][1],
    ),
    "batch_norm": Op(
        ("x", "weight", "bias", "mean", "variance"), shapes.same, RowRule.SAME, {"epsilon": 1e-5}
    ),
    # torch.nn.GRU: gates r, z, n; the initial hidden values are zero if they are left out.
    "gru": Op(
        ("x", "input_weight", "hidden_weight", "input_bias", "hidden_bias", "initial?"),
        shapes.gru, RowRule.WHOLE, {},
        lambda ins, outs: ins[0][1] * (shapes.count(ins[1]) + shapes.count(ins[2])),
    ),
    # torch.nn.LSTM: gates i, f, g, o. Makes the hidden values of each step, then its cell values,
    # along the last axis: int16 in an int8 graph. `hidden` takes the former out, as int8.
    "lstm": Op(
        ("x", "input_weight", "hidden_weight", "input_bias", "hidden_bias", "initial?", "cell?"),
        shapes.lstm, RowRule.WHOLE, {},
        lambda ins, outs: ins[0][1] * (shapes.count(ins[1]) + shapes.count(ins[2])),
    ),
    "hidden": Op(("x",), shapes.hidden, RowRule.WHOLE),
    "avg_pool2d": Op(
        ("x",), shapes.pool2d, RowRule.WINDOW, {"kernel": REQUIRED, **_WINDOW, **_ACTIVATION}
    ),
    "max_pool2d": Op(
        ("x",), shapes.pool2d, RowRule.WINDOW, {"kernel": REQUIRED, **_WINDOW, **_ACTIVATION}
    ),
    "mean": Op(("x",), shapes.reduce, RowRule.WHOLE, {"axes": REQUIRED, "keepdims": True}),
    "add": Op(("a", "b"), shapes.broadcast, RowRule.SAME, dict(_ACTIVATION)),
    "sub": Op(("a", "b"), shapes.broadcast, RowRule.SAME, dict(_ACTIVATION)),
    "mul": Op(("a", "b"), shapes.broadcast, RowRule.SAME, dict(_ACTIVATION)),
    "concat": Op(("x*",), shapes.concat, RowRule.WHOLE, {"axis": REQUIRED}),
    "softmax": Op(("x",), shapes.same, RowRule.SAME, {"beta": 1.0}),
    "layer_norm": Op(
        ("x", "weight", "bias"), shapes.layer_norm, RowRule.SAME, {"epsilon": 1e-5}
    ),
    "unary": Op(("x",), shapes.same, RowRule.SAME, {"function": REQUIRED, "alpha": 0.0}),
    # `source` is the function that the table holds, if it is known: training differentiates it.
    "lookup": Op(
        ("x", "table"), shapes.same_as_first, RowRule.SAME, {"source": "", "alpha": 0.0}
    ),
    "reshape": Op(("x",), shapes.reshape, RowRule.WHOLE, {"shape": REQUIRED}),
    "pad": Op(("x",), shapes.pad, RowRule.WHOLE, {"padding": REQUIRED, "value": 0.0}),
    "resize": Op(
        ("x",), shapes.resize, RowRule.WHOLE,
        {"size": REQUIRED, "mode": "nearest", "align_corners": False, "half_pixel_centers": False},
    ),
    "transpose": Op(("x",), shapes.transpose, RowRule.WHOLE, {"permutation": REQUIRED}),
    "slice": Op(
        ("x",), shapes.strided_slice, RowRule.WHOLE,
        {"begin": REQUIRED, "end": REQUIRED, "strides": REQUIRED},
    ),
    # One token of a language model at a time; `edge.quantization.decoder` defines them exactly.
    # A token outside the table stands for `last`.
    "embedding": Op(("token", "last", "table"), shapes.embedding, RowRule.WHOLE),
    "rms_norm": Op(("x", "weight"), shapes.rms_norm, RowRule.WHOLE, {"epsilon": 1e-5}),
    # Pairs of neighbours are turned by the position's angles: tables [rows, pairs, (cos, sin)] of
    # position // rows of `fine` and of position % rows of `fine`.
    "rotary": Op(("x", "position", "fine", "coarse"), shapes.rotary, RowRule.WHOLE),
    # The ring [1, window, channels], in place, with x as its row position % window; with `pairs`
    # two rows lie together, [window / 2, channels / 2, 2 rows, 2 channels]: values of attention do.
    "append": Op(("ring", "x", "position"), shapes.append, RowRule.WHOLE, {"pairs": False}),
    "ring_attention": Op(
        ("q", "keys", "values", "position"), shapes.ring_attention, RowRule.WHOLE,
        {"heads": REQUIRED, "groups": REQUIRED},
        lambda ins, outs: 2 * ins[1][1] * ins[0][-1],
    ),
    "residual": Op(("a", "b"), shapes.residual, RowRule.WHOLE),
    "argmax": Op(("x",), shapes.argmax, RowRule.WHOLE),
    "advance": Op(("position",), shapes.same, RowRule.WHOLE, {"limit": REQUIRED}),
    "quantize": Op(("x",), shapes.same, RowRule.SAME),
    "dequantize": Op(("x",), shapes.same, RowRule.SAME),
    "requantize": Op(("x",), shapes.same, RowRule.SAME),
}  # fmt: skip


def attributes(node: Node) -> dict[str, Attr]:
    """The attributes of a node with the table's defaults filled in."""
    return {**OPS[node.op].attrs, **node.attrs}


def infer_shapes(graph: Graph, node: Node) -> list[Shape]:
    """Output shapes by the op's rule. Raises ValueError with the reason if inputs do not fit."""
    inputs = [graph.type(name).shape for name in node.inputs if name]
    return OPS[node.op].infer(inputs, attributes(node))


def macs(graph: Graph, node: Node) -> int:
    """Multiply-accumulates of one inference of this node."""
    inputs = [graph.type(name).shape for name in node.inputs if name]
    outputs = [graph.type(name).shape for name in node.outputs]
    return OPS[node.op].macs(inputs, outputs)
