"""A small depthwise-separable network and its training loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from data import Dataset, Images, Labels
from torch import nn


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


def separable_network(classes: int = 10) -> nn.Sequential:
    """About 13,000 parameters: a strided convolution, three separable blocks, a linear head."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
        return nn.Sequential(
            _conv(inputs, inputs, 3, stride, groups=inputs), _conv(inputs, outputs, 1)
        )

    return nn.Sequential(
        _conv(1, 16, 3, stride=2),
        block(16, 32),
        block(32, 64, stride=2),
        block(64, 96),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, classes),
    )


def train(
    network: nn.Module,
    images: Images,
    labels: Labels,
    *,
    epochs: int,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> None:
    """AdamW with one cycle of the learning rate; calls `progress(epoch, loss)` after each epoch."""
    batch = 64
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(images) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(x), generator=generator).split(batch):
            loss = nn.functional.cross_entropy(network(x[chosen]), y[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        if progress:
            progress(epoch, total / len(x))
    network.eval()


def accuracy(network: nn.Module, data: Dataset) -> float:
    """Share of the test images that the float network gets right."""
    with torch.no_grad():
        batches = torch.from_numpy(data.test_images).split(500)
        predicted = torch.cat([network(batch).argmax(1) for batch in batches]).numpy()
    return float(np.mean(predicted == data.test_labels))
