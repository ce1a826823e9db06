"""BDWP: N:M in both directions of training (Fang et al. 2023, arXiv:2309.13015).

The forward pass removes weights along the inputs of each output; the backward pass, which
multiplies by the transposed weights, removes them along the outputs of each input. So both matrix
products are N:M sparse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from edge.sparsity.layers import as_weight, scores_of
from edge.sparsity.masked import SparseLayer, sparse_layers
from edge.sparsity.patterns import require_fit
from edge.sparsity.schedules.sr_ste import SrSte


@dataclass(frozen=True)
class Bdwp(SrSte):
    """SR-STE whose backward pass uses weights pruned along the outputs.

    Attach masks with dense_gradient=True. The pattern must fit the transposed layers, too; grouped
    convolutions are refused. Raises EdgeError E0042 otherwise.
    """

    def prepare(self, module: nn.Module) -> None:
        """Route the gradients of the layers' inputs through the other mask."""
        for sparse in sparse_layers(module):
            outputs, positions, inputs = sparse.layer.shape
            require_fit(sparse.masked.pattern, (inputs, positions, outputs), sparse.name)
            route = _Route(sparse)
            holder = sparse.layer.holder
            sparse.masked.handles = [
                holder.register_forward_pre_hook(route.detach_input),
                holder.register_forward_hook(route.add_backward_path),
            ]

    def finish(self, module: nn.Module) -> None:
        """Take the routes away."""
        for sparse in sparse_layers(module):
            for handle in sparse.masked.handles:
                handle.remove()
            sparse.masked.handles = []


class _Route:
    """y = f(x, w forward) whose gradient of x is that of f(x, w backward).

    x is detached on its way in; f(x, w backward) minus itself adds nothing to y but its gradient.
    """

    def __init__(self, sparse: SparseLayer) -> None:
        self.sparse = sparse

    def detach_input(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
        """Keep x for the other path."""
        (self.x,) = inputs
        return (self.x.detach(),) if layer.training else inputs

    def add_backward_path(
        self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], y: torch.Tensor
    ) -> torch.Tensor:
        """y with the path that only gradients take."""
        if not layer.training or not self.x.requires_grad:
            return y
        through = _product(layer, self.x, backward_weight(self.sparse))
        return y + (through - through.detach())


def backward_weight(sparse: SparseLayer) -> torch.Tensor:
    """The weight pruned along its outputs: [inputs, positions, out] has the pattern."""
    weight = sparse.original.detach()
    transposed = scores_of(weight.abs()).transpose(2, 1, 0)
    mask = sparse.masked.pattern.mask(transposed, sparse.masked.sparsity).transpose(2, 1, 0)
    return weight * as_weight(torch.from_numpy(mask.copy()), weight.shape)


def _product(layer: nn.Module, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, nn.Conv2d):
        return nn.functional.conv2d(
            x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups
        )
    if isinstance(layer, nn.Conv1d):
        return nn.functional.conv1d(
            x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups
        )
    return nn.functional.linear(x, weight)
