"""Training, and the share of test clips that a network gets right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from apps.mcu.keyword.dataset import Data, Features, training_data
from apps.mcu.keyword.decision import WINDOW
from apps.mcu.keyword.network import KeywordNetwork
from apps.mcu.keyword.speech import Words
from edge.audio import SCALE

_BATCH = 128
_RATE = 8e-3
_FOLLOW_EVERY, _FOLLOW = 4, 0.01  # steps between two updates of the average, and how far it moves


@dataclass(frozen=True)
class Effort:
    """How long to train: copies of each word, each in other noise, and passes over them."""

    copies: int = 6
    epochs: int = 11


def tensor(features: Features) -> torch.Tensor:
    """The network's float input [N, 1, rows, bands]."""
    return torch.from_numpy(features.astype(np.float32) * SCALE)[:, None]


def clip_scores(network: KeywordNetwork, x: torch.Tensor) -> torch.Tensor:
    """Scores [N, classes] of clips: the mean of the steps of their last second."""
    scores: torch.Tensor = network(x.contiguous(memory_format=torch.channels_last))
    return scores[:, :, -WINDOW:].mean(dim=2)


def train(
    words: Words,
    *,
    seed: int = 0,
    effort: Effort = Effort(),
    progress: Callable[[int, float], None] | None = None,
) -> KeywordNetwork:
    """A network trained with AdamW and one cycle of the learning rate: the moving average of its
    parameters. Calls `progress(epoch, loss)` after each epoch."""
    torch.manual_seed(seed)
    data = training_data(words, effort.copies, seed)
    inputs, labels = tensor(data.features), torch.from_numpy(data.labels)
    network = KeywordNetwork().to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(network)
    batches = len(inputs) // _BATCH
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=effort.epochs * batches, pct_start=0.2
    )
    for epoch in range(effort.epochs):
        total = 0.0
        order = torch.randperm(len(inputs))[: batches * _BATCH]
        for step, chosen in enumerate(order.split(_BATCH)):
            scores = clip_scores(network, _masked(inputs[chosen]))
            loss = functional.cross_entropy(scores, labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % _FOLLOW_EVERY == 0:
                _follow(average, network)
            total += loss.item()
        if progress:
            progress(epoch, total / batches)
    return average.eval()


def _masked(x: torch.Tensor) -> torch.Tensor:
    """Up to three neighbouring bands of each clip at the clip's mean (SpecAugment: Park et al.,
    arXiv:1904.08779)."""
    bands = torch.arange(x.shape[3])
    first = torch.randint(0, x.shape[3], (len(x), 1))
    width = torch.randint(0, 4, (len(x), 1))
    hidden = ((bands >= first) & (bands < first + width))[:, None, None]
    return torch.where(hidden, x.mean(dim=(2, 3), keepdim=True), x)


@torch.no_grad()
def _follow(average: KeywordNetwork, network: KeywordNetwork) -> None:
    for mean, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, _FOLLOW)
        else:
            mean.copy_(now)


def float_accuracy(network: KeywordNetwork, data: Data) -> float:
    """Share of the clips that the float network gets right."""
    with torch.no_grad():
        scores = torch.cat([clip_scores(network, x) for x in tensor(data.features).split(256)])
    return float(np.mean(scores.argmax(1).numpy() == data.labels))
