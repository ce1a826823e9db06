"""Layers of whose weight only live blocks are stored (`edge.training.blocks`).

What they compute is what the dense layer computes with zeros in the place of dead blocks; the
update moves live blocks alone.
"""

from __future__ import annotations

from dataclasses import replace

from edge.ir.shapes import ints
from edge.ir.types import Array
from edge.training.blocks import Places
from edge.training.reference.step_call import StepCall, StepKernel


def places(call: StepCall) -> Places:
    """The last two slots of every such operator."""
    columns, counts = call.inputs[-2:]
    if columns is None or counts is None:
        raise ValueError(f"{call.node.name} has no places")
    return Places.stored(columns, counts)


def dense(call: StepCall, slot: int) -> StepCall:
    """The call of the dense operator; `slot` holds the weight."""
    shape = ints(call.node.attrs, "shape")
    inputs = list(call.inputs[:-2])
    inputs[slot] = places(call).spread(call.input(slot), shape)
    node = replace(call.node, op=call.node.op.replace("sparse_", ""))
    return StepCall(call.graph, node, tuple(inputs))


def through(kernel: StepKernel, slot: int) -> StepKernel:
    """The dense kernel on the weight with its zeros."""

    def run(call: StepCall) -> tuple[Array, ...]:
        return kernel(dense(call, slot))

    return run
