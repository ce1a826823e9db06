"""A linear layer of which the first input columns learn, and which keeps only their inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear


def _whole(part: torch.Tensor, frozen: torch.Tensor) -> torch.Tensor:
    return torch.cat([part, frozen[:, part.shape[1] :]], 1)


class _SliceProduct(torch.autograd.Function):
    """Autograd on [part, rest] x would keep all of x; the gradient of the part needs x[..., :n]."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, frozen: torch.Tensor, part: torch.Tensor) -> Any:
        # clone, since a view would keep the whole of x alive
        ctx.save_for_backward(x[..., : part.shape[1]].clone(), frozen, part)
        return linear(x, _whole(part, frozen))

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        x, frozen, part = ctx.saved_tensors
        (grad,) = grads
        to_x = grad @ _whole(part, frozen) if ctx.needs_input_grad[0] else None
        return to_x, None, grad.flatten(0, -2).T @ x.flatten(0, -2)


class SliceLinear(nn.Module):
    """`dense` with a trainable copy `part` [out, n] of its first n columns; the rest is frozen."""

    def __init__(self, dense: nn.Linear, n: int) -> None:
        super().__init__()
        self.dense = dense
        self.part = nn.Parameter(dense.weight.detach()[:, :n].clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        y: torch.Tensor = _SliceProduct.apply(  # type: ignore[no-untyped-call]
            x, self.dense.weight, self.part
        )
        return y if self.dense.bias is None else y + self.dense.bias
