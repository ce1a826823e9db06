"""Descriptors of recurrent operators."""

from __future__ import annotations

from edge.emit.c_text import ConstArray, Field, Symbol
from edge.emit.context import Context, Descriptor
from edge.emit.packing.recurrent import PACKERS
from edge.quantization.recurrent import Projection, tanh_table
from edge.quantization.recurrent import recurrent as made


def recurrent(context: Context) -> Descriptor:
    """The layer of a gru or an lstm."""
    constants = made(context.graph, context.node)
    tanh = context.array("tanh", tanh_table(), "over [0, 8], Q0.15")
    into, inputs = _projection(context, "input", constants.input)
    hidden, hiddens = _projection(context, "hidden", constants.hidden)
    fields: dict[str, Field] = {
        "input": into,
        "hidden": hidden,
        "tanh": Symbol(tanh.name),
        "steps": context.out_shape[1],
        "units": context.shape(2)[1],
        "has_initial": int(len(context.node.inputs) > 5 and bool(context.node.inputs[5])),
    }
    return Descriptor("edge_recurrent", fields, (*inputs, *hiddens, tanh))


def hidden(context: Context) -> Descriptor:
    units = context.out_shape[-1]
    return Descriptor("edge_hidden", {"steps": context.elements // units, "units": units})


def _projection(
    context: Context, what: str, projection: Projection
) -> tuple[dict[str, Field], tuple[ConstArray, ...]]:
    weights, bias = PACKERS[context.step.kernel](projection)
    arrays = {
        "weights": context.array(f"{what}_weights", weights, f"{context.step.kernel} layout"),
        "bias": context.array(f"{what}_bias", bias),
        "multiplier": context.array(f"{what}_multiplier", projection.multiplier),
        "shift": context.array(f"{what}_shift", projection.shift),
    }
    pointers = {name: Symbol(array.name) for name, array in arrays.items()}
    return {**pointers, "size": projection.weights.shape[1]}, tuple(arrays.values())
