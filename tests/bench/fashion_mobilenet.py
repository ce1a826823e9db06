"""The study's network and data: a MobileNet-v1-class network on Fashion-MNIST at 24 x 24.

Its pointwise layers have 64 channels at 12x12, 128 at 6x6 and 256 at 3x3, about 4 M MAC in all
(Howard et al. 2017, arXiv:1704.04861, with a stem for one colour and fewer blocks).
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from apps.fashion.data import Dataset, fashion_mnist

SIZE = 24
# input channels, output channels and stride of each depthwise-separable block
BLOCKS = (
    (32, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1), (128, 256, 2),
    (256, 256, 1),
)  # fmt: skip


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(inputs, inputs, 3, stride, groups=inputs), _convolution(inputs, outputs, 1)
    )


def mobilenet(classes: int = 10) -> nn.Sequential:
    """Input [N, 1, 24, 24], output `classes` scores."""
    return nn.Sequential(
        _convolution(1, 32, 3, stride=2),
        *(_block(*sizes) for sizes in BLOCKS),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(256, classes),
    )


@functools.cache
def data() -> Dataset:
    """60,000 + 10,000 images of 28 x 28 with labels."""
    return fashion_mnist()


def center(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The middle 24 x 24 of images [N, 1, 28, 28]."""
    edge = (images.shape[2] - SIZE) // 2
    return np.ascontiguousarray(images[:, :, edge : edge + SIZE, edge : edge + SIZE])


def crop_and_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random 24 x 24 windows, half of them mirrored."""
    count = len(images)
    windows = images.unfold(2, SIZE, 1).unfold(3, SIZE, 1)
    top, left = torch.randint(windows.shape[2], (2, count), generator=generator)
    cropped = windows[torch.arange(count), :, top, left]
    mirrored = torch.rand(count, generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], cropped.flip(3), cropped)


def accuracy(network: nn.Module) -> float:
    """Share of the 10,000 test images that the float network gets right."""
    with torch.no_grad():
        batches = torch.from_numpy(center(data().test_images)).split(500)
        predicted = torch.cat([network(batch).argmax(1) for batch in batches]).numpy()
    return float(np.mean(predicted == data().test_labels))
