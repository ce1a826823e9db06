"""Rearranging a torch module in place, so that it can be pruned and trained further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from edge.errors import fail
from edge.frontends import load
from edge.ir import Graph
from edge.sparsity.layers import layer_named
from edge.sparsity.patterns import Pattern
from edge.sparsity.rearrangement.rearrange import Rearrangement, rearrange

# the axis of a torch tensor for an axis of a constant of the graph: OHWI from OIHW, 1HWC from C1HW,
# and operands such as [1, C, 1, 1], which the importer may have given other ones around C
_TORCH_AXIS: dict[str, dict[int, int]] = {"conv2d": {3: 1}, "depthwise_conv2d": {3: 0}}
_OPERANDS = ("add", "sub", "mul")


def rearrange_module(
    module: nn.Module,
    example_inputs: Any,
    pattern: Pattern,
    sparsity: float | Mapping[str, float],
    *,
    squared: bool = False,
) -> Rearrangement:
    """Permute the channels of a module in place so that blocks collect magnitude.

    Its function stays the same but for the order of float additions. `sparsity` is that of all
    layers, or of layers by name. Masks are attached afterwards; an optimizer made before would mix
    up its momenta. Raises EdgeError E0043 for an unknown layer, E0048 for a pattern that does not
    depend on the order, E0049 for weights that are computed from others, as masked ones are.
    """
    graph = load((module, example_inputs)).graph
    if isinstance(sparsity, Mapping):
        sparsity = {_weight_name(module, name): share for name, share in sparsity.items()}
    found = rearrange(graph, pattern, sparsity, squared=squared)
    reorder(module, graph, found)
    return found


def _weight_name(module: nn.Module, name: str) -> str:
    return f"{name}.{layer_named(module, name).attribute}"


def reorder(module: nn.Module, graph: Graph, found: Rearrangement) -> None:
    """Put the channels of a module, whose graph this is, into an order, in place."""
    tensors = module.state_dict(keep_vars=True)
    missing = sorted({name for name, _ in found.orders if name not in tensors})
    if missing:
        raise fail(
            "E0049", f"{missing[0]} is not a parameter of the module but made from others",
            missing[0], help=["rearrange before masks or other parametrizations are attached"],
        )  # fmt: skip
    readers = {name: node.op for node in graph.nodes for name in node.inputs}
    moves = {
        (name, _torch_axis(readers[name], axis, len(order), tensors[name])): order
        for (name, axis), order in found.orders.items()
    }
    with torch.no_grad():
        for (name, axis), order in moves.items():
            moved = tensors[name].index_select(axis, torch.from_numpy(order))
            tensors[name].copy_(moved)


def _torch_axis(op: str, axis: int, channels: int, tensor: torch.Tensor) -> int:
    """The axis of a parameter for an axis of the graph's constant."""
    if op in _OPERANDS:
        return tuple(tensor.shape).index(channels)
    return _TORCH_AXIS.get(op, {}).get(axis, axis) if tensor.dim() > 1 else axis
