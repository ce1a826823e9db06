"""A sparse model drafts, the full model corrects (Sirius, Zhou et al. 2024, arXiv:2409.03856)."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
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
    """Token ids [1, n] with `tokens` more, each the model's first choice."""
    from transformers import DynamicCache

    cache, fresh = DynamicCache(config=model.config), ids
    for _ in range(tokens):
        fresh = _logits(model, fresh, cache)[-1:].argmax(-1, keepdim=True)
        ids = torch.cat([ids, fresh], 1)
    return ids


@torch.no_grad()
def corrected_greedy(
    full: Any, drafter: Any, ids: torch.Tensor, tokens: int, correction: Correction
) -> Corrected:
    """Continue token ids [1, n] by `tokens` tokens.

    The models are causal language models of transformers with the same shapes. They share the keys
    and values: the full model reads the prompt, the drafter goes on from there, the full model
    writes over what the drafter made, and what it does not keep is taken back. A pass of the full
    model adds a token of its own after the drafted ones it keeps.
    """
    from transformers import DynamicCache

    cache = DynamicCache(config=full.config)
    if ids.shape[1] > 1:
        _logits(full, ids[:, :-1], cache)
    end, passes, rejected = ids.shape[1] + tokens, 0, 0
    while (start := ids.shape[1]) < end:
        drafted = _drafted(drafter, ids, cache, min(correction.period, end - start - 1))
        _take_back(cache, start - 1)
        logits = _logits(full, drafted[:, start - 1 :], cache)
        kept = kept_drafts(logits, drafted[0, start:], correction.threshold)
        _take_back(cache, start + kept)
        ids = torch.cat([drafted[:, : start + kept], logits[kept].argmax().view(1, 1)], 1)
        passes, rejected = passes + 1, rejected + drafted.shape[1] - start - kept
    return Corrected(ids, passes, rejected)


def _drafted(drafter: Any, ids: torch.Tensor, cache: Any, tokens: int) -> torch.Tensor:
    for _ in range(tokens):
        chosen = _logits(drafter, ids[:, -1:], cache)[-1:].argmax(-1, keepdim=True)
        ids = torch.cat([ids, chosen], 1)
    return ids


def _logits(model: Any, ids: torch.Tensor, cache: Any) -> torch.Tensor:
    """[fresh, vocabulary] of fresh ids [1, fresh]; their keys and values go into the cache."""
    name = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
    logits: torch.Tensor = model(ids, use_cache=True, **{name: cache}).logits[0]
    return logits


def _take_back(cache: Any, length: int) -> None:
    """Forget the keys and values behind the first `length` tokens."""
    if (over := cache.get_seq_length() - length) > 0:
        cache.crop(-over)


def kept_drafts(logits: torch.Tensor, drafted: torch.Tensor, threshold: float | None) -> int:
    """How many drafted tokens stand before the first that does not; logits [drafted + 1, V]."""
    if threshold is None:
        good = drafted == logits[:-1].argmax(-1)
    else:
        good = logits[:-1].softmax(-1).gather(1, drafted[:, None])[:, 0] >= threshold
    return int(good.int().cumprod(0).sum())
