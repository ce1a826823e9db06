"""Block-sparse attention in Triton with its gradients."""

from __future__ import annotations

from typing import Any

import torch

from edge.gpu.attention.table import BlockTable
from edge.gpu.attention.triton_backward import triton_gradients
from edge.gpu.attention.triton_kernels import triton_attention


def differentiable_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, table: BlockTable, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `triton_attention` gives; gradients flow through the outputs and through the log of the
    sum of exponentials. Saved for them are the inputs and both results, no weights."""
    apply: Any = TritonAttention.apply
    outputs, lse = apply(q, k, v, table, scale)
    return outputs, lse


class TritonAttention(torch.autograd.Function):
    """Gradients are computed block by block over the table and over its transpose."""

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, table: Any, scale: Any) -> Any:
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        outputs, lse = triton_attention(q, k, v, table, scale)
        ctx.save_for_backward(q, k, v, outputs, lse)
        ctx.table, ctx.scale = table, scale
        return outputs, lse

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        q, k, v, outputs, lse = ctx.saved_tensors
        found = triton_gradients((q, k, v), outputs, lse, grads[0], grads[1], ctx.table, ctx.scale)
        return (*found, None, None)
