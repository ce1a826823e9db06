"""What policies share: the best blocks of each row, block means, causal masks."""

from __future__ import annotations

import torch


def block_mean(x: torch.Tensor, block: int) -> torch.Tensor:
    """[B, H, R, D]: the mean of each block of [B, H, T, D]; the last one may be short."""
    length = x.shape[2]
    blocks = -(-length // block)
    padded = torch.nn.functional.pad(x, (0, 0, 0, blocks * block - length))
    sums = padded.reshape(*x.shape[:2], blocks, block, x.shape[-1]).sum(3)
    sizes = torch.full((blocks,), block, device=x.device)
    sizes[-1] = length - (blocks - 1) * block
    means: torch.Tensor = sums / sizes[:, None]
    return means


def repeated(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Keys or values [B, G, T, D] for each of `heads` query heads."""
    return x.repeat_interleave(heads // x.shape[1], 1)


def best_blocks(scores: torch.Tensor, kept: int) -> torch.Tensor:
    """bool[B, H, R, R]: the `kept` best of each row's past blocks, its own among them."""
    rows = scores.shape[-1]
    future = torch.ones(rows, rows, dtype=torch.bool, device=scores.device).triu(1)
    scores = scores.masked_fill(future, -torch.inf)
    scores.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    best = scores.topk(min(kept, rows), -1).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, best, True) & ~future
