"""A classifier of Fashion-MNIST, trained at 28 x 28 and tuned to other sizes of image."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from apps.fashion.data import fashion_mnist
from edge.tuning.attach import Config, attach
from edge.tuning.lora import LoRAConfig
from edge.tuning.res_adapter import ResAdapterConfig

TRAIN, TEST, BATCH, STEPS = 6000, 1000, 32, 120
SIZES = (16, 20, 40)
"""Smaller and larger than what the network has learned."""


class Residual(nn.Module):
    """Convolution and group norm, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(4, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W]."""
        y: torch.Tensor = self.conv1(torch.relu(self.norm1(x)))
        return x + y


class Classifier(nn.Module):
    """Two stages that end in a convolution of stride 2; named as the stages of a UNet are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(1, 16, 3, padding=1)
        self.resnets = nn.ModuleList(Residual(c) for c in (16, 16, 32))
        self.downsamplers = nn.ModuleList([nn.Conv2d(16, 16, 3, 2, 1), nn.Conv2d(16, 32, 3, 2, 1)])
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 1, H, W] of any size to scores [N, 10]."""
        x = self.downsamplers[0](self.resnets[0](self.conv_in(x)))
        x = self.resnets[2](self.downsamplers[1](self.resnets[1](x)))
        scores: torch.Tensor = self.head(torch.relu(x).mean((2, 3)))
        return scores


@functools.cache
def _data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    data = fashion_mnist()
    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    tests = torch.from_numpy(data.test_images[:TEST]), torch.from_numpy(data.test_labels[:TEST])
    return images[:TRAIN], labels[:TRAIN], *tests


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """Images of this height and width."""
    return interpolate(images, (size, size), mode="bilinear", antialias=True)


def _train(
    model: nn.Module, parameters: list[nn.Parameter], rate: float, steps: int,
    sizes: tuple[int, ...], generator: torch.Generator,
) -> None:  # fmt: skip
    """Each batch of one size, in turn."""
    images, labels, *_ = _data()
    optimizer = torch.optim.Adam(parameters, rate)
    for step in range(steps):
        chosen = torch.randint(TRAIN, (BATCH,), generator=generator)
        optimizer.zero_grad()
        x = resized(images[chosen], sizes[step % len(sizes)])
        cross_entropy(model(x), labels[chosen]).backward()
        optimizer.step()


@functools.cache
def _base() -> Classifier:
    torch.manual_seed(0)
    model = Classifier()
    generator = torch.Generator().manual_seed(0)
    _train(model, list(model.parameters()), 3e-3, 500, (28,), generator)
    return model


@torch.no_grad()
def accuracy(model: nn.Module, sizes: tuple[int, ...] = SIZES) -> float:
    """Share of 1,000 test images that are right, the mean over sizes."""
    _, _, images, labels = _data()
    right = [(model(resized(images, s)).argmax(1) == labels).float().mean().item() for s in sizes]
    return sum(right) / len(right)


WAYS: dict[str, tuple[Callable[[int], Config], float]] = {
    "res-adapter": (lambda seed: ResAdapterConfig(5, 5.0, seed=seed), 3e-3),
    "lora on all convolutions": (
        lambda seed: LoRAConfig(
            2, 2.0, ("conv_in", "conv1", "downsamplers.0", "downsamplers.1"), seed
        ),
        1e-2,
    ),
}
"""Settings and learning rate, of 3e-3 and 1e-2 the better one for another seed."""


def tested(name: str, seed: int) -> tuple[float, int]:
    """Error at other sizes, and how many numbers learned."""
    config, rate = WAYS[name]
    model = copy.deepcopy(_base())
    tuner = attach(model, config(seed))
    parameters = list(tuner.parameters())
    _train(model, parameters, rate, STEPS, SIZES, torch.Generator().manual_seed(seed))
    return 1 - accuracy(model), sum(p.numel() for p in parameters)
