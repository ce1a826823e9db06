"""What a policy is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch

from edge.gpu.attention.table import BlockTable


class Policy(Protocol):
    """Chooses the key blocks of each query block."""

    @property
    def block(self) -> int:
        """Tokens of a block."""

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The table for queries [B, H, T, D] and keys [B, G, T, D], G a divisor of H."""


@runtime_checkable
class Positional(Policy, Protocol):
    """A policy that goes by positions alone: it also says what one new token attends to."""

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[heads or 1, len(row), blocks]: what these rows attend to of so many key blocks."""


def positional_table(policy: Positional, q: torch.Tensor) -> BlockTable:
    """The table of such a policy for queries [B, H, T, D]."""
    heads, length = q.shape[1:3]
    row = torch.arange(-(-length // policy.block), device=q.device)
    chosen = policy.chosen(row, len(row), heads)
    return BlockTable.from_blocks(chosen.expand(len(q), heads, -1, -1), policy.block, length)


@runtime_checkable
class Placeable(Protocol):
    """A policy that depends on where it is: it is bound to its place before its first table."""

    def at(self, layer: int, heads: Sequence[int]) -> Policy:
        """The policy of these query heads of a layer; its table gets queries of them alone."""


def placed(policies: tuple[Policy, ...], layer: int) -> tuple[Policy, ...]:
    """The policies of a layer's heads, bound to their places. Equal ones stay one."""
    bound = {}
    for policy in dict.fromkeys(policies):
        mine = [head for head, own in enumerate(policies) if own == policy]
        bound[policy] = policy.at(layer, mine) if isinstance(policy, Placeable) else policy
    return tuple(bound[policy] for policy in policies)
