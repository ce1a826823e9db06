"""What a gate makes of queries and keys (Gao et al. 2024, SeerAttention, arXiv:2410.13276)."""

from __future__ import annotations

import torch

from edge.gpu.attention.gate.rotary import rotated
from edge.gpu.attention.gate.weights import GateWeights, LayerGate
from edge.gpu.attention.scores import block_mean, repeated

Pools = tuple[torch.Tensor, torch.Tensor]
POOLINGS = ("max", "sum")


def pools(q: torch.Tensor, k: torch.Tensor, frequencies: torch.Tensor, block: int) -> Pools:
    """Queries [B, H, R, D] by their mean, keys [B, G, R, 3 D] by maximum, minimum and mean.

    Of rotated queries [B, H, T, D] and keys [B, G, T, D]: the rotation is taken back first.
    """
    back = -torch.arange(q.shape[2], device=q.device)
    plain_q, plain_k = (rotated(x.float(), back, frequencies) for x in (q, k))
    most = _blocks(plain_k, block, -torch.inf).amax(3)
    least = _blocks(plain_k, block, torch.inf).amin(3)
    means = block_mean(plain_q, block)
    return means, torch.cat([most, least, block_mean(plain_k, block)], -1)


def gate_logits(
    layer: LayerGate, pooled: Pools, frequencies: torch.Tensor, block: int
) -> torch.Tensor:
    """[B, H, R, R]: how much each block of queries wants each block of keys; the future is -inf."""
    middle = torch.arange(pooled[0].shape[2], device=pooled[0].device) * block + (block - 1) / 2
    query = rotated(pooled[0] @ layer.query, middle, frequencies)
    key = rotated(pooled[1] @ layer.key, middle, frequencies)
    products = query @ repeated(key, query.shape[1]).transpose(-1, -2)
    logits: torch.Tensor = products * query.shape[-1] ** -0.5
    future = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
    return logits.masked_fill(future, -torch.inf)


def _blocks(x: torch.Tensor, block: int, filling: float) -> torch.Tensor:
    """[B, H, R, block, D], the tail filled up."""
    padded = torch.nn.functional.pad(x, (0, 0, 0, -x.shape[2] % block), value=filling)
    split: torch.Tensor = padded.reshape(*x.shape[:2], -1, block, x.shape[-1])
    return split


@torch.no_grad()
def teacher_map(
    q: torch.Tensor, k: torch.Tensor, scale: float, block: int, pooling: str = "max"
) -> torch.Tensor:
    """[B, H, R, R]: the true attention pooled over blocks, rows summing to one.

    "max" takes the greatest value of each block, "sum" its mass. A row of blocks at a time, so that
    no map of tokens is ever whole in memory.
    """
    keys = repeated(k, q.shape[1])
    rows = -(-q.shape[2] // block)
    found = q.new_zeros(*q.shape[:2], rows, rows, dtype=torch.float32)
    for row in range(rows):
        tokens = torch.arange(row * block, min((row + 1) * block, q.shape[2]), device=q.device)
        past = torch.arange(int(tokens[-1]) + 1, device=q.device)
        products = (q[:, :, tokens] @ keys[:, :, past].transpose(-1, -2)).float() * scale
        attention = products.masked_fill(past > tokens[:, None], -torch.inf).softmax(-1)
        by_key = attention.amax(2) if pooling == "max" else attention.sum(2)
        split = _blocks(by_key[..., None], block, 0.0)[..., 0]
        found[:, :, row, : row + 1] = split.amax(-1) if pooling == "max" else split.sum(-1)
    return found / found.sum(-1, keepdim=True)


def gate_of(weights: GateWeights, layer: int, pooled: Pools) -> torch.Tensor:
    """`gate_logits` of a layer of a gate."""
    return gate_logits(weights.layers[layer], pooled, weights.gate_frequencies, weights.block)
