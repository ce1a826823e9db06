"""Gradient rule of a resize: every output pixel gives its gradient to the pixels it was made of."""

from __future__ import annotations

import numpy as np

from edge.errors import fail
from edge.ir import Node
from edge.quantization.resize_tables import FRACTION_BITS, resize_tables
from edge.training.tape import Gradient, Tape

MOST_PIXELS = (2**31 - 1) // (127 << FRACTION_BITS)


def resize(tape: Tape, node: Node, gradient: Gradient) -> dict[int, Gradient]:
    """Sums of at most 16,512 output pixels fit int32, which is checked here.

    Raises EdgeError E0103 if one input pixel becomes more of them.
    """
    tables = resize_tables(tape.source, node)
    if _reach(tables.row_index) * _reach(tables.column_index) > MOST_PIXELS:
        raise fail("E0103", "a resize as large as this one has no gradient", node.where)
    names = ("row_index", "column_index", "row_fraction", "column_fraction")
    constants = [
        "" if (table := getattr(tables, name)) is None
        else tape.constant(f"{node.name}_{name}", table)
        for name in names
    ]  # fmt: skip
    unit = gradient.unit
    if tape.settings.is_int8 and tables.row_fraction is not None:
        unit *= 2.0**-FRACTION_BITS
    inputs = (gradient.values, gradient.exponent, *constants)
    shape = tape.type(node.inputs[0]).shape
    return {0: tape.gradient_node("resize_gradient", f"{node.name}_back", inputs, shape, unit)}


def _reach(index: np.ndarray) -> int:
    """The most outputs along an axis that one input takes part in."""
    return 2 * int(np.bincount(index.astype(np.int64)).max())
