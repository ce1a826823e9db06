"""A table that is searched at some steps of a sampler and used at all (AdaSpa, Xia et al. 2025,
arXiv:2502.21079)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.errors import fail
from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.mass import block_mass
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class LSECached:
    """At `steps` attention is full, and its log of the sum of exponentials gives the exact share of
    every block; each head keeps its largest blocks until they hold `recall` + `reserve` of all.

    Heads so have densities of their own. `reserve` is for what changes until the next search. The
    paper searches at 2 or 3 of 50 steps. Raises EdgeError E0079 for no step 0 or a recall outside
    (0, 1].
    """

    recall: float = 0.9
    reserve: float = 0.02
    steps: tuple[int, ...] = (0, 15, 30)
    block: int = 64
    causal: bool = False

    def __post_init__(self) -> None:
        if 0 not in self.steps or not 0 < self.recall <= 1 or self.reserve < 0:
            raise fail(
                "E0079", f"no search at steps {list(self.steps)} with recall {self.recall}",
                help=["step 0 is searched; recall is above 0 and at most 1, the reserve positive"],
            )  # fmt: skip

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The table of a search with these queries [B, H, T, D] and keys [B, G, T, D]."""
        _, lse = sparse_attention(q, k, k, self.all_blocks(q), scale=scale, backend=_exact(q))
        return self.from_lse(q, k, lse, scale)

    def from_lse(
        self, q: torch.Tensor, k: torch.Tensor, lse: torch.Tensor, scale: float
    ) -> BlockTable:
        """The same where full attention's log of the sum of exponentials [B, H, T] is known."""
        mass = block_mass(q, k, lse, scale, self.block, causal=self.causal)
        kept = _largest(mass, min(self.recall + self.reserve, 1.0))
        return BlockTable.from_blocks(kept, self.block, q.shape[2], causal=self.causal)

    def all_blocks(self, q: torch.Tensor) -> BlockTable:
        """The table of full attention of these queries."""
        rows = -(-q.shape[2] // self.block)
        ones = torch.ones(*q.shape[:2], rows, rows, dtype=torch.bool, device=q.device)
        return BlockTable.from_blocks(ones, self.block, q.shape[2], causal=self.causal)


class CachedAttention:
    """One layer's attention through the steps of a sampler.

    policy: when it is searched; table: what the last search found; searches: how many there were.
    """

    def __init__(self, policy: LSECached) -> None:
        self.policy = policy
        self.table: BlockTable | None = None
        self.searches = 0

    def __call__(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        step: int,
        *,
        scale: float | None = None,
        backend: str = "auto",
    ) -> torch.Tensor:
        """Outputs [B, H, T, D]: full attention at the steps of a search, sparse at the others."""
        scale = scale or q.shape[-1] ** -0.5
        if self.table is not None and step not in self.policy.steps:
            return sparse_attention(q, k, v, self.table, scale=scale, backend=backend)[0]
        every = self.policy.all_blocks(q)
        output, lse = sparse_attention(q, k, v, every, scale=scale, backend=backend)
        self.table = self.policy.from_lse(q, k, lse, scale)
        self.searches += 1
        return output


def _exact(q: torch.Tensor) -> str:
    return "triton" if q.is_cuda else "reference"


def _largest(mass: torch.Tensor, share: float) -> torch.Tensor:
    """bool[B, H, R, R]: for each head the fewest blocks that hold this share."""
    values, order = mass.flatten(2).double().sort(-1, descending=True)
    before = values.cumsum(-1) - values
    kept = before < share * values.sum(-1, keepdim=True)
    return torch.zeros_like(kept).scatter(-1, order, kept).view(mass.shape)
