"""Full attention in a few layers, local blocks in the others (Zhang et al. 2023, MASFormer,
arXiv:2310.12442)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from edge.errors import fail
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.spans.elastic import SPANS
from edge.gpu.attention.spans.influence import changes_by_length, predicted_divergence


def mas_layers(
    model: nn.Module, full: Sequence[int], *, local: int, block: int = 64
) -> AttentionPlan:
    """The plan whose layers `full` see all, and whose others see their `local` last blocks.

    Raises EdgeError E0075 for a layer that the model lacks.
    """
    config: Any = model.config
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    if wrong := sorted(set(full) - set(range(layers))):
        raise fail(SPANS, f"the model has no layer {wrong[0]}",
                   help=[f"its layers are 0 to {layers - 1}"])  # fmt: skip
    policies = [Full(block) if layer in full else AShape(local, 0, block)
                for layer in range(layers)]  # fmt: skip
    return AttentionPlan(tuple((policy,) * heads for policy in policies))


def influential_layers(
    model: nn.Module, calibration: Sequence[torch.Tensor], count: int, *, local: int,
    block: int = 64,
) -> tuple[int, ...]:  # fmt: skip
    """The `count` layers whose heads all at once lose most if they see `local` blocks alone.

    `calibration` are token ids [B, T]. Raises EdgeError E0075 without any, or for a count that is
    not from 0 to the number of layers.
    """
    config: Any = model.config
    if not calibration or not 0 <= count <= config.num_hidden_layers:
        raise fail(SPANS, f"cannot choose {count} layers by {len(calibration)} texts",
                   help=["choose as many as there are or fewer, by one text or more"])  # fmt: skip
    lost = torch.zeros(config.num_hidden_layers)
    for length, changes in changes_by_length(model, calibration, block=block).items():
        by_layer = changes[..., min(local, changes.shape[-1]) - 1].sum(2)
        lost += predicted_divergence(by_layer, length).cpu()
    return tuple(sorted(lost.topk(count).indices.tolist()))
