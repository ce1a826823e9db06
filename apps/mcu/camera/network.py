"""What the camera looks for: a garment somewhere in a frame of 96 x 96, cut from Fashion-MNIST.

MobileNet-v1 made small (Howard et al. 2017, arXiv:1704.04861).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from apps.fashion.data import Images, Labels

SIZE = 96
NAMES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
         "ankle boot")  # fmt: skip
_BATCH = 64


class _Block(NamedTuple):
    channels: int
    stride: int


_STEM = 8
_BLOCKS = (_Block(16, 2), _Block(32, 2), _Block(32, 1), _Block(64, 2), _Block(64, 1))


def _normalized(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def camera_network() -> nn.Sequential:
    """Input [N, 1, 96, 96] from 0 to 1, output 10 scores."""
    layers, channels = [_normalized(1, _STEM, 3, 2, 1)], _STEM
    for block in _BLOCKS:
        layers.append(_normalized(channels, channels, 3, block.stride, channels))
        layers.append(_normalized(channels, block.channels, 1, 1, 1))
        channels = block.channels
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, len(NAMES))
    )


def frames(images: Images, seed: int) -> npt.NDArray[np.uint8]:
    """uint8 [N, 96, 96]: each image, twice as large, at a random place before uneven grey."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 90, (len(images), 4, 4))
    made = np.kron(coarse, np.ones((1, SIZE // 4, SIZE // 4)))
    made += rng.normal(0, 6, made.shape)
    doubled = images[:, 0].repeat(2, axis=1).repeat(2, axis=2)
    size = doubled.shape[-1]
    for frame, image, (y, x) in zip(
        made, doubled, rng.integers(0, SIZE - size + 1, (len(images), 2)), strict=True
    ):
        place = frame[y : y + size, x : x + size]
        np.maximum(place, 255 * image, out=place)
    return np.round(made).clip(0, 255).astype(np.uint8)


def tensor(pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
    """The network's float input."""
    return torch.from_numpy(pictures.astype(np.float32) / 255)[:, None]


def train(network: nn.Module, pictures: npt.NDArray[np.uint8], labels: Labels, epochs: int) -> None:
    """AdamW with one cycle of the learning rate."""
    torch.manual_seed(0)
    x, y = tensor(pictures), torch.from_numpy(labels)
    steps = epochs * -(-len(x) // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    network.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(_BATCH):
            batch = x[chosen].contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(network(batch), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
