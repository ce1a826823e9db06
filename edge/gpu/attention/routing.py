"""Attention inside clusters of tokens that k-means keeps up to date (Routing Transformer,
Roy et al. 2020, arXiv:2003.05997)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize

from edge.errors import fail


class RoutingAttention(nn.Module):
    """Causal attention of tokens to those of their clusters; queries and keys are the same.

    Every centroid of a head takes the T / `clusters` tokens nearest in direction, so that all
    clusters are of one size; a token may be in several or in none. Which ones depends on the whole
    sequence, though attention looks back alone. About sqrt(T) clusters need the fewest products. In
    training centroids follow the mean direction of the tokens nearest to them, by a moving average.
    Raises EdgeError E0078 for no clusters or a decay outside [0, 1).
    """

    centroids: torch.Tensor

    def __init__(
        self, heads: int, width: int, clusters: int, *, decay: float = 0.999, seed: int = 0
    ) -> None:
        super().__init__()
        if clusters < 1 or not 0 <= decay < 1:
            raise fail("E0078", f"no routing by {clusters} clusters with decay {decay}",
                       help=["clusters: 1 or more; decay: from 0 to below 1"])  # fmt: skip
        self.clusters, self.decay = clusters, decay
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(heads, clusters, width, generator=generator)
        self.register_buffer("centroids", normalize(start, dim=-1))

    def forward(
        self, qk: torch.Tensor, v: torch.Tensor, *, scale: float | None = None
    ) -> torch.Tensor:
        """Outputs [B, H, T, D] of queries that are the keys too, and values, both of that shape.

        A token in several clusters attends to what any of them holds, with one softmax in which a
        key counts once for each cluster that both are in; one in no cluster gets zeros.
        """
        members = self.members(qk)
        if self.training:
            self._follow(qk)
        inside, values = _taken(qk, members), _taken(v, members)
        products = inside @ inside.transpose(-1, -2) * (scale or qk.shape[-1] ** -0.5)
        future = members[..., :, None] < members[..., None, :]
        products = products.masked_fill(future, -torch.inf)
        return _joined(products.softmax(-1) @ values, products.logsumexp(-1), members, qk.shape[2])

    @torch.no_grad()
    def members(self, qk: torch.Tensor) -> torch.Tensor:
        """int64[B, H, clusters, T / clusters]: each cluster's tokens in the order of the text."""
        each = -(-qk.shape[2] // self.clusters)
        return self._nearness(qk).topk(each, -1).indices.sort(-1).values

    def _nearness(self, qk: torch.Tensor) -> torch.Tensor:
        """[B, H, clusters, T]."""
        return self.centroids @ normalize(qk.detach(), dim=-1).transpose(-1, -2)

    @torch.no_grad()
    def _follow(self, qk: torch.Tensor) -> None:
        nearest = self._nearness(qk).argmax(2)
        mine = nn.functional.one_hot(nearest, self.clusters).to(qk)
        sums = torch.einsum("bhtc,bhtd->hcd", mine, normalize(qk, dim=-1))
        count = mine.sum((0, 2))[..., None]
        moved = self.decay * self.centroids + (1 - self.decay) * sums / count.clamp(min=1)
        self.centroids.copy_(torch.where(count > 0, normalize(moved, dim=-1), self.centroids))


def _taken(x: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """[B, H, C, W, D]: the tokens of each cluster."""
    flat = members.flatten(2)[..., None].expand(-1, -1, -1, x.shape[-1])
    return x.gather(2, flat).view(*members.shape, x.shape[-1])


def _joined(
    outputs: torch.Tensor, lse: torch.Tensor, members: torch.Tensor, length: int
) -> torch.Tensor:
    """[B, H, T, D]: the results of all clusters, weighted by their sums of exponentials."""
    token, size = members.flatten(2), lse.flatten(2)
    top = torch.full((*token.shape[:2], length), -torch.inf, dtype=lse.dtype, device=lse.device)
    top = top.scatter_reduce(2, token, size.detach(), "amax")
    weight = (size - top.gather(2, token)).exp()
    total = torch.zeros_like(top).scatter_add(2, token, weight)
    place = token[..., None].expand(-1, -1, -1, outputs.shape[-1])
    sums = torch.zeros(*total.shape, outputs.shape[-1], dtype=outputs.dtype, device=lse.device)
    sums = sums.scatter_add(2, place, outputs.flatten(2, 3) * weight[..., None])
    return sums / total.clamp(min=1)[..., None]
