"""What descriptors are made from and of: the node at hand, fields of the structs, arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.emit.c_text import ConstArray, Field, Symbol
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.shapes import Shape, ints
from edge.ir.types import Array
from edge.planning.broadcasting import walk
from edge.planning.plan import Step
from edge.quantization.requantize import Form, Requantize

MAX_RANK = 5
ROUNDING = {Form.ONCE: Symbol("EDGE_ROUND_ONCE"), Form.TWICE: Symbol("EDGE_ROUND_TWICE")}
NULL = Symbol("NULL")


@dataclass(frozen=True, eq=False)
class Descriptor:
    """A struct initializer and the arrays it points to."""

    struct: str
    fields: dict[str, Field]
    arrays: tuple[ConstArray, ...] = ()


@dataclass(frozen=True, eq=False)
class Context:
    """What a descriptor is made from; arrays are called <prefix>_<what>."""

    graph: Graph
    node: Node
    step: Step
    prefix: str

    @property
    def attrs(self) -> dict[str, object]:
        return dict(attributes(self.node))

    def pair(self, name: str) -> tuple[int, ...]:
        return ints(attributes(self.node), name)

    def shape(self, index: int) -> Shape:
        return self.graph.type(self.node.inputs[index]).shape

    @property
    def out_shape(self) -> Shape:
        return self.graph.type(self.node.output).shape

    @property
    def elements(self) -> int:
        """Output elements of one row call."""
        return math.prod(self.out_shape) // self.step.rows

    def array(self, what: str, data: Array, comment: str = "") -> ConstArray:
        return ConstArray(f"{self.prefix}_{what}", data, comment)


def requantize_fields(
    requantize: Requantize, bias: ConstArray | None, scale: tuple[ConstArray, ConstArray]
) -> dict[str, Field]:
    multiplier, shift = scale
    return {
        "bias": Symbol(bias.name) if bias and bias.data.size else NULL,
        "multiplier": Symbol(multiplier.name) if multiplier.data.size else NULL,
        "shift": Symbol(shift.name) if shift.data.size else NULL,
        "per_channel": int(multiplier.data.size > 1),
        "rounding": ROUNDING[requantize.form],
        "zero_point": requantize.zero_point,
        "minimum": requantize.minimum,
        "maximum": requantize.maximum,
    }


def scale_arrays(context: Context, requantize: Requantize) -> tuple[ConstArray, ConstArray]:
    return (
        context.array("multiplier", requantize.multiplier),
        context.array("shift", requantize.shift),
    )


def padded_rank(values: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Five axes, outermost first."""
    return (fill,) * (MAX_RANK - len(values)) + values


def dense_strides(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a dense tensor."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast(context: Context) -> dict[str, Field]:
    """edge_broadcast: how the operands of add, sub or mul make up the output."""
    walked = walk([context.shape(0), context.shape(1)], context.out_shape)
    a, b = (padded_rank(steps, 0) for steps in walked.steps)
    return {"size": padded_rank(walked.size, 1), "a_stride": a, "b_stride": b}
