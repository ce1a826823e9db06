"""Descriptors of the operators of a language model."""

from __future__ import annotations

import numpy as np

from edge.emit.c_text import Field, Symbol
from edge.emit.context import Context, Descriptor
from edge.emit.packing.decoder import PACKERS
from edge.ir.ops import attributes
from edge.quantization import decoder as constants


def embedding(context: Context) -> Descriptor:
    """The table in the layout of the kernel, and what a step of a row is in the stream."""
    found = constants.embedding(context.graph, context.node)
    rows = context.graph.constant(context.node.inputs[2]).astype(np.int8)
    packed = PACKERS.get(context.step.kernel, np.ascontiguousarray)(rows)
    table = context.array("table", packed, f"{context.step.kernel} layout")
    multiplier = context.array("multiplier", found.multiplier)
    fields: dict[str, Field] = {
        "table": Symbol(table.name),
        "multiplier": Symbol(multiplier.name),
        "tokens": len(rows),
        "width": rows.shape[1],
        "shift": found.shift,
        "per_row": int(found.multiplier.size > 1),
    }
    return Descriptor("edge_embedding", fields, (table, multiplier))


def residual(context: Context) -> Descriptor:
    found = constants.residual(context.graph, context.node)
    fields: dict[str, Field] = {
        "multiplier": found.multiplier,
        "elements": context.elements,
        "shift": found.shift,
    }
    return Descriptor("edge_residual", fields)


def rms_norm(context: Context) -> Descriptor:
    found = constants.rms_norm(context.graph, context.node)
    gain = context.array("gain", found.gain)
    fields: dict[str, Field] = {
        "gain": Symbol(gain.name),
        "epsilon": found.epsilon,
        "channels": context.elements,
        "offset": found.offset,
        "shift": found.shift,
    }
    return Descriptor("edge_rms_norm", fields, (gain,))


def rotary(context: Context) -> Descriptor:
    constants.rotary_shift(context.graph, context.node)
    names = ("fine", "coarse")
    arrays = [
        context.array(name, context.graph.constant(table), "cos, sin, Q14")
        for name, table in zip(names, context.node.inputs[2:], strict=True)
    ]
    rows, pairs, _ = context.shape(2)
    pointers: dict[str, Field] = {n: Symbol(a.name) for n, a in zip(names, arrays, strict=True)}
    sizes: dict[str, Field] = {"rows": rows, "pairs": pairs, "elements": context.elements}
    return Descriptor("edge_rotary", {**pointers, **sizes}, tuple(arrays))


def append(context: Context) -> Descriptor:
    row = context.graph.type(context.node.inputs[1]).nbytes
    pairs = int(bool(context.attrs["pairs"]))
    fields: dict[str, Field] = {"window": context.shape(0)[1], "bytes": row, "pairs": pairs}
    return Descriptor("edge_append", fields)


def ring_attention(context: Context) -> Descriptor:
    found = constants.ring_attention(context.graph, context.node)
    table = context.array("exp", found.table, "exp of a distance in steps of 1/32")
    fields: dict[str, Field] = {
        "table": Symbol(table.name),
        "multiplier": found.multiplier,
        "scale": found.scale,
        "shift": found.shift,
        "window": context.shape(1)[1],
        "heads": found.heads,
        "groups": found.groups,
        "size": context.elements // found.heads,
    }
    return Descriptor("edge_ring_attention", fields, (table,))


def argmax(context: Context) -> Descriptor:
    return Descriptor("edge_argmax", {"elements": context.shape(0)[-1]})


def advance(context: Context) -> Descriptor:
    return Descriptor("edge_advance", {"limit": int(str(attributes(context.node)["limit"]))})
