"""What the attention of a transformers model gets, seen through its attention interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]
Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]


@contextmanager
def attending(model: nn.Module, attend: Attend) -> Iterator[None]:
    """Inside the block every layer's attention is attend(layer, q, k, v, scale).

    q [B, H, T, D], k and v [B, G, T, D] with G a divisor of H; it gives [B, H, T, D].
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    def hook(
        module: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Any,
        scaling: float | None = None, **_: Any,
    ) -> tuple[torch.Tensor, None]:  # fmt: skip
        output = attend(module.layer_idx, q, k, v, scaling or q.shape[-1] ** -0.5)
        return output.transpose(1, 2).contiguous(), None

    AttentionInterface.register("edge_watch", hook)
    AttentionMaskInterface.register("edge_watch", lambda *_, **__: None)
    watched: Any = model
    before = watched.config._attn_implementation
    watched.set_attn_implementation("edge_watch")
    try:
        yield
    finally:
        watched.set_attn_implementation(before)


def dense_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
) -> torch.Tensor:
    """Causal attention over all keys, [B, H, T, D]."""
    return nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=True, scale=scale, enable_gqa=True
    )


def attention_inputs(model: nn.Module, ids: torch.Tensor) -> dict[int, Inputs]:
    """Queries, keys, values and scale of every layer as the dense model makes them."""
    seen: dict[int, Inputs] = {}

    def keep(
        layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> torch.Tensor:
        seen[layer] = (q, k, v, scale)
        return dense_attention(q, k, v, scale)

    run: Any = model
    with attending(model, keep):
        run(ids, use_cache=False)
    return seen
