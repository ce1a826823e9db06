"""A sparse model drafts, the full model corrects (Sirius, Zhou et al. 2024, arXiv:2409.03856)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from edge.errors import fail


@dataclass(frozen=True)
class Correction:
    """`period` tokens are drafted for each pass of the full model.

    A drafted token stays while the full model gives it a probability of `threshold` at least;
    without one (strict) only its own choice stays, and the text is that of greedy decoding. Raises
    EdgeError E0092 for a period below 1 or a threshold outside (0, 1].
    """

    period: int = 16
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.period < 1 or not 0 < (1 if self.threshold is None else self.threshold) <= 1:
            raise fail(
                "E0092", f"no correction of period {self.period} and threshold {self.threshold}",
                help=["period: 1 or more; threshold: above 0, at most 1, or none to be exact"],
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Corrected:
    """Token ids [1, prompt + tokens], passes of the full model, drafted tokens it did not keep."""

    ids: torch.Tensor
    passes: int
    rejected: int


@torch.no_grad()
def greedy(model: Any, ids: torch.Tensor, tokens: int) -> torch.Tensor:
    """Token ids [1, n] with `tokens` more, each the model's first choice; no cache is kept."""
    for _ in range(tokens):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
    return ids


@torch.no_grad()
def corrected_greedy(
    full: Any, drafter: Any, ids: torch.Tensor, tokens: int, correction: Correction
) -> Corrected:
    """Continue token ids [1, n] by `tokens` tokens.

    Models are called with token ids and give `.logits`, as those of transformers. A pass of the
    full model adds a token of its own after the drafted ones it keeps. No cache is kept, so the
    number of passes is what this saves, not yet their time.
    """
    end, passes, rejected = ids.shape[1] + tokens, 0, 0
    while (start := ids.shape[1]) < end:
        drafted = greedy(drafter, ids, min(correction.period, end - start - 1))
        logits = full(drafted).logits[0, start - 1 :]
        kept = _kept(logits, drafted[0, start:], correction.threshold)
        own = logits[kept].argmax().view(1, 1)
        ids = torch.cat([drafted[:, : start + kept], own], 1)
        passes, rejected = passes + 1, rejected + drafted.shape[1] - start - kept
    return Corrected(ids, passes, rejected)


def _kept(logits: torch.Tensor, drafted: torch.Tensor, threshold: float | None) -> int:
    """How many drafted tokens stand before the first that does not; logits [drafted + 1, V]."""
    if threshold is None:
        good = drafted == logits[:-1].argmax(-1)
    else:
        good = logits[:-1].softmax(-1).gather(1, drafted[:, None])[:, 0] >= threshold
    return int(good.int().cumprod(0).sum())
