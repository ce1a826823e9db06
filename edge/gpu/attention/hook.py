"""Sparse attention inside a transformers model, through its attention interface."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.decode import decode_attention, last_blocks
from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.policies.policy import Policy, placed
from edge.gpu.attention.scores import repeated
from edge.gpu.attention.table import BlockTable


def apply_sparse_attention(
    model: nn.Module, plan: AttentionPlan, *, backend: str = "auto"
) -> nn.Module:
    """Make a transformers model attend as the plan says; gives the model.

    With a cache, a single new token attends to what its policies list for it if they go by
    positions alone, and to all keys otherwise; several new tokens attend to all. Padding masks are
    not looked at: give prompts of one length. Raises EdgeError E0072 for a plan that does
    not fit the model.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    config: Any = model.config
    plan.require(config.num_hidden_layers, config.num_attention_heads)
    name = f"edge_{id(plan):x}"
    AttentionInterface.register(name, PlannedAttention(plan, backend))
    AttentionMaskInterface.register(name, lambda *_, **__: None)
    implementation: Any = model
    implementation.set_attn_implementation(name)
    return model


class PlannedAttention:
    """What transformers calls for every layer: q [B, H, T, D], k and v [B, G, T, D]."""

    def __init__(self, plan: AttentionPlan, backend: str) -> None:
        self.layers = [placed(heads, layer) for layer, heads in enumerate(plan.heads)]
        self.backend = backend
        self.decoding: dict[int, DecodeBlocks] = {}

    def __call__(
        self, module: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor,
        mask: torch.Tensor | None, scaling: float | None = None, **_: Any,
    ) -> tuple[torch.Tensor, None]:  # fmt: skip
        scale = scaling or q.shape[-1] ** -0.5
        if q.shape[2] == 1 < k.shape[2]:
            output = self._next_token(module.layer_idx, q, k, v, scale)
        elif q.shape[2] != k.shape[2]:
            output = nn.functional.scaled_dot_product_attention(
                q, k, v, scale=scale, enable_gqa=True, attn_mask=_past(q, k)
            )
        else:
            table = layer_table(self.layers[module.layer_idx], q, k, scale)
            output, _lse = sparse_attention(q, k, v, table, scale=scale, backend=self.backend)
        return output.transpose(1, 2).contiguous(), None

    def _next_token(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """The blocks are the same until the newest one is full."""
        heads, count = self.layers[layer], -(-k.shape[2] // self.layers[layer][0].block)
        known = self.decoding.get(layer)
        if known is None or known.chosen.shape[-1] != count or known.chosen.device != q.device:
            chosen = last_blocks(heads, k.shape[2]).to(q.device)
            known = self.decoding[layer] = DecodeBlocks.of(chosen, k.shape[1], heads[0].block)
        backend = "auto" if self.backend == "flex" else self.backend
        return decode_attention(q, k, v, known, scale=scale, backend=backend)[0]


def _past(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """bool[Tq, Tk]: the last queries see what is before them."""
    ones = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    return ones.tril(k.shape[2] - q.shape[2])


def layer_table(
    heads: tuple[Policy, ...], q: torch.Tensor, k: torch.Tensor, scale: float
) -> BlockTable:
    """The table of a layer whose heads may have different policies."""
    if len(set(heads)) == 1:
        return heads[0].table(q, k, scale)
    chosen: Any = [None] * len(heads)
    full = repeated(k, q.shape[1])
    for policy in set(heads):
        mine = [head for head, own in enumerate(heads) if own == policy]
        blocks = policy.table(q[:, mine], full[:, mine], scale).blocks()
        for place, head in enumerate(mine):
            chosen[head] = blocks[:, place]
    return BlockTable.from_blocks(torch.stack(chosen, 1), heads[0].block, q.shape[2])
