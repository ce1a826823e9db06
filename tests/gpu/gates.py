"""A tiny language model and gates that are not trained."""

from __future__ import annotations

from typing import Any

import torch

from edge.gpu.attention.gate.weights import GateWeights, LayerGate
from edge.gpu.attention.policies.seer_gate import PlacedGate, SeerGate

HEADS, GROUPS, DIM = 4, 2, 16


def random_gate(block: int, layers: int = 1, width: int = 8) -> GateWeights:
    """For 4 query heads and 2 key heads of 16 dimensions."""
    draw = torch.Generator().manual_seed(0)
    maps = [
        LayerGate(
            torch.randn(HEADS, DIM, width, generator=draw),
            torch.randn(GROUPS, 3 * DIM, width, generator=draw),
        )
        for _ in range(layers)
    ]
    model, own = (100.0 ** -(torch.arange(0, size, 2) / size) for size in (DIM, width))
    return GateWeights(tuple(maps), model, own, block)


def placed_gate(*, kept: int = 0, threshold: float = 0.0, block: int) -> PlacedGate:
    """A policy of all heads of a layer."""
    gate = random_gate(block)
    return PlacedGate(SeerGate("in memory", kept, threshold, block), gate, gate.layers[0])


def tiny_llama(layers: int = 2) -> Any:
    """Random weights, 4 query heads and 2 key heads of 16 dimensions."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=HEADS * DIM, intermediate_size=24, num_hidden_layers=layers,
        num_attention_heads=HEADS, num_key_value_heads=GROUPS, max_position_embeddings=128,
        initializer_range=0.3,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def tiny_ids(texts: int = 2, length: int = 60, seed: int = 0) -> torch.Tensor:
    """int64[texts, length]."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 32, (texts, length), generator=draw)
