"""One new token a sequence: attention of its query to the key blocks that its heads list."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edge.errors import fail
from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.policies.policy import Policy, Positional
from edge.gpu.attention.reference import masked_attention

Backend = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, DecodeBlocks, float],
    tuple[torch.Tensor, torch.Tensor],
]


def _reference() -> Backend:
    return reference_decode


def _triton() -> Backend:
    from edge.gpu.attention.triton_decode import triton_decode

    return triton_decode


BACKENDS: dict[str, Callable[[], Backend]] = {"reference": _reference, "triton": _triton}


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    blocks: DecodeBlocks,
    *,
    scale: float | None = None,
    backend: str = "auto",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of the newest token [B, H, 1, D] to keys and values [B, G, S, D].

    Gives outputs [B, H, 1, D] and the log of the sum of exponentials [B, H, 1]. Keys and values may
    be views of a longer cache; their last axis is contiguous. "auto" is "triton" on a GPU and
    "reference" elsewhere. Raises EdgeError E0076 for an unknown backend or blocks that do not fit.
    """
    if backend == "auto":
        backend = "triton" if q.is_cuda else "reference"
    if backend not in BACKENDS:
        raise fail("E0076", f"no backend {backend!r} for decoding",
                   help=[f"one of {', '.join(BACKENDS)}"])  # fmt: skip
    wanted = q.shape[1], -(-k.shape[2] // blocks.block)
    if q.shape[2] != 1 or tuple(blocks.chosen.shape[1:]) != wanted:
        raise fail(
            "E0076", f"{q.shape[2]} queries, and blocks for {list(blocks.chosen.shape[1:])}",
            help=[f"give one query a sequence and blocks for {list(wanted)} heads and key blocks"],
        )  # fmt: skip
    return BACKENDS[backend]()(q, k, v, blocks, scale or q.shape[-1] ** -0.5)


def reference_decode(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, blocks: DecodeBlocks, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """By a dense mask: the definition of correct."""
    tokens = blocks.chosen.repeat_interleave(blocks.block, -1)[..., None, : k.shape[2]]
    return masked_attention(q, k, v, tokens, scale)


def last_blocks(heads: tuple[Policy, ...], length: int) -> torch.Tensor:
    """bool[1, H, R]: what the newest of `length` tokens attends to.

    A policy that goes by positions alone says so itself; the heads of others attend to all.
    """
    blocks = -(-length // heads[0].block)
    chosen = torch.ones(len(heads), blocks, dtype=torch.bool)
    for policy in dict.fromkeys(heads):
        if isinstance(policy, Positional):
            mine = [head for head, own in enumerate(heads) if own == policy]
            own_row = policy.chosen(torch.tensor([blocks - 1]), blocks, len(mine))
            chosen[mine] = own_row.expand(len(mine), 1, blocks)[:, 0]
    return chosen[None]
