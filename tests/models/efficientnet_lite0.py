"""EfficientNet-lite0, by default narrow and on 96x96 images.

EfficientNet-B0 (Tan and Le 2019) with ReLU6 and without squeeze-and-excitation; stem and head keep
their channels at other widths (tensorflow/tpu, models/official/efficientnet/lite).
"""

from __future__ import annotations

import torch
from torch import nn

from .inverted_residual import InvertedResidualNet, repeated
from .seeded import image_network
from .stages import EFFICIENTNET_B0

_STEM, _FEATURES = 32, 1280


class EfficientNetLite0(InvertedResidualNet):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(
        self, width: float = 1.0, classes: int = 1000, stem: int = _STEM, features: int = _FEATURES
    ) -> None:
        super().__init__(stem, repeated(EFFICIENTNET_B0, stem, width), features, classes)


def make(
    width: float = 0.25, size: int = 96, classes: int = 10
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    """Below width 1 stem and head shrink too: the real ones fit no microcontroller."""
    stem, features = (int(n * min(width * 2, 1)) for n in (_STEM, _FEATURES))
    return image_network(lambda: EfficientNetLite0(width, classes, stem, features), size)
