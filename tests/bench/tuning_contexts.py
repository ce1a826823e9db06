"""Adapters made of a context: stories that stories260K draws itself, the first half as the context.

Both ways are trained to continue 128 stories of 96 tokens and tested on 32 others, of which the
model sees the second half alone; an adapter of its context is all that it knows of the first. The
other way is one LoRA adapter for all, of the same rank.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from edge.tuning.attach import attach
from edge.tuning.generative import GenerativeConfig, GenerativeTuner
from edge.tuning.lora import LoRAConfig
from tests.bench.tuning_language import nll
from tests.models.stories260k import load_stories, sampled

WAYS = ("generative", "lora for all contexts")
TRAIN, TEST, HALF, STEPS, BATCH = 128, 32, 48, 150, 2
RANK, RATE = 4, 1e-3


@functools.cache
def _stories() -> tuple[torch.Tensor, torch.Tensor]:
    """Contexts and continuations [160, 48]."""
    ids = sampled(load_stories(), TRAIN + TEST, 2 * HALF, seed=0)
    return ids[:, :HALF], ids[:, HALF:]


def _step_of_contexts(model: Any, tuner: GenerativeTuner, chosen: torch.Tensor) -> None:
    """Reconstruction and continuation, a context at a time."""
    contexts, rest = _stories()
    for index in chosen:
        tuner.clear()
        tuner.read(contexts[index][None])
        both = torch.stack([contexts[index], rest[index]])
        (model(both, labels=both).loss / len(chosen)).backward()


def tested(name: str, seed: int) -> tuple[float, int]:
    """NLL of the test stories' second halves, and how many numbers learned."""
    torch.manual_seed(seed)
    model, (contexts, rest) = load_stories(), _stories()
    made = name == WAYS[0]
    targets = ("o_proj",)
    config = GenerativeConfig(32, RANK, 8.0, HALF, targets, seed) if made else LoRAConfig(
        RANK, 8.0, targets, seed
    )  # fmt: skip
    tuner = attach(model, config)
    parameters = list(tuner.parameters())
    optimizer, generator = torch.optim.Adam(parameters, RATE), torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        chosen = torch.randint(TRAIN, (BATCH,), generator=generator)
        optimizer.zero_grad()
        if isinstance(tuner, GenerativeTuner):
            _step_of_contexts(model, tuner, chosen)
        else:
            rows = torch.cat([contexts[chosen], rest[chosen]])
            model(rows, labels=rows).loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    losses = [_loss(model, tuner, index) for index in range(TRAIN, TRAIN + TEST)]
    return sum(losses) / len(losses), sum(p.numel() for p in parameters)


@torch.no_grad()
def _loss(model: Any, tuner: Any, index: int) -> float:
    contexts, rest = _stories()
    if isinstance(tuner, GenerativeTuner):
        tuner.clear()
        tuner.read(contexts[index][None])
    return nll(model, rest[index][None])
