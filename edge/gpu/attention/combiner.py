"""Full attention in factors: near tokens one by one, far ones through their region (Combiner,
Ren et al. 2021, arXiv:2107.05768)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from edge.errors import fail
from edge.gpu.attention.scores import repeated

FORMS = ("fixed", "tree")


@dataclass(frozen=True)
class Combiner:
    """p(j | i) is direct within the block of i, and p(region | i) p(j | region) before it.

    Every past token has a probability above zero, and they add up to one. Blocks have `local`
    tokens, sqrt(T) if none are given. The regions are all blocks before ("fixed": O(T sqrt T)
    products), or those joined in twos, fours, eights by the binary digits of the block's number
    ("tree": O(T log T) for a fixed `local`). A region's key and query are the means of its tokens';
    the log of its size is added to its product, which the paper leaves to learning, so that a
    region of equal keys counts as its tokens would. Raises EdgeError E0078 for an unknown form or a
    block of no tokens.
    """

    local: int | None = None
    form: str = "fixed"

    def __post_init__(self) -> None:
        if self.form not in FORMS or (self.local is not None and self.local < 1):
            raise fail("E0078", f"no factors of form {self.form!r} with {self.local} local tokens",
                       help=[f"forms are {' and '.join(FORMS)}; local is 1 or more"])  # fmt: skip

    def size(self, length: int) -> int:
        """Tokens of a block."""
        return min(self.local or math.isqrt(length - 1) + 1, length)

    def products(self, length: int) -> int:
        """Products of a query and a key, or of their means, for one head."""
        size = self.size(length)
        blocks = -(-length // size)
        tops = sum(length for _ in self._levels(blocks))
        per_token = blocks if self.form == "fixed" else len(self._levels(blocks))
        return length * (size + per_token) + tops

    def attend(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, scale: float | None = None
    ) -> torch.Tensor:
        """Outputs [B, H, T, D] of queries [B, H, T, D], keys and values [B, G, T, D]."""
        length, scale = q.shape[2], scale or q.shape[-1] ** -0.5
        size = self.size(length)
        k, v = repeated(k, q.shape[1]), repeated(v, q.shape[1])
        q, k, v = (_blocks(x, size) for x in (q, k, v))
        index, weight = self._regions(q.shape[2], size, q.device)
        keys, values = self._summaries(q, k, v, scale)
        keys, values = keys[:, :, index], values[:, :, index]
        near = (q @ k.transpose(-1, -2) * scale).masked_fill(_future(size, q.device), -torch.inf)
        far = q @ keys.transpose(-1, -2) * scale + weight.to(q)[:, None]
        share = torch.cat([near, far], -1).softmax(-1)
        output = share[..., :size] @ v + share[..., size:] @ values
        return output.flatten(2, 3)[:, :, :length]

    def _levels(self, blocks: int) -> range:
        """The powers of two of blocks that make a region."""
        return range(1) if self.form == "fixed" else range(max(blocks - 1, 1).bit_length())

    def _regions(
        self, blocks: int, size: int, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[R, N] each: which summaries a block looks at, and the log of their sizes.

        The log is that of nothing where a slot is unused.
        """
        row = torch.arange(blocks, device=device)[:, None]
        if self.form == "fixed":
            index = torch.arange(blocks, device=device).expand(blocks, -1)
            return index, torch.where(index < row, math.log(size), -torch.inf)
        level = torch.arange(len(self._levels(blocks)), device=device)
        first = torch.tensor([0, *(blocks >> n for n in self._levels(blocks))]).cumsum(0)[:-1]
        used = row >> level & 1 == 1
        index = torch.where(used, first.to(device) + (row >> level) - 1, 0)
        return index, torch.where(used, math.log(size) + level * math.log(2), -torch.inf)

    def _summaries(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean keys and expected values [B, H, S, D] of all regions, level by level."""
        keys, values = [], []
        for level in self._levels(q.shape[2]):
            queries, inner, held = (_joined(x, 1 << level) for x in (q, k, v))
            products = queries.mean(3, keepdim=True) @ inner.transpose(-1, -2) * scale
            keys.append(inner.mean(3))
            values.append((products.softmax(-1) @ held)[:, :, :, 0])
        return torch.cat(keys, 2), torch.cat(values, 2)


def _blocks(x: torch.Tensor, size: int) -> torch.Tensor:
    """[B, H, R, size, D], zeros after the last token: only later tokens would look at them."""
    padded = torch.nn.functional.pad(x, (0, 0, 0, -x.shape[2] % size))
    return padded.reshape(*x.shape[:2], -1, size, x.shape[-1])


def _joined(x: torch.Tensor, count: int) -> torch.Tensor:
    """[B, H, R / count, count * size, D]: so many blocks as one; a rest is left out."""
    regions = x.shape[2] // count
    size = count * x.shape[3]
    return x[:, :, : regions * count].reshape(*x.shape[:2], regions, size, x.shape[-1])


def _future(size: int, device: torch.device) -> torch.Tensor:
    return torch.ones(size, size, dtype=torch.bool, device=device).triu(1)
