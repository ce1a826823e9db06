"""Holding the zeros of plain weights, where a parametrization would be in the way.

torch's PT2E flow wants parameters, not products: bake the masks, prepare, then freeze the zeros for
quantization-aware training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def freeze_zeros(module: nn.Module) -> int:
    """Give zeros in the weights of a module no gradient from now on; how many there are.

    All parameters with two dimensions or more are held. An optimizer whose step is zero where
    weight, gradient and momentum are (SGD, Adam, AdamW and their kin) leaves them zero.
    """
    frozen = 0
    for parameter in module.parameters():
        kept = parameter.detach() != 0
        if parameter.dim() > 1 and parameter.requires_grad and not kept.all():
            parameter.register_hook(_masking(kept))  # type: ignore[no-untyped-call]
            frozen += int((~kept).sum())
    return frozen


def _masking(kept: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda gradient: gradient * kept
