"""Rotary embedding of halves, forwards and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edge.errors import fail

UNSTEADY = ("dynamic", "longrope")


def rotated(x: torch.Tensor, positions: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """[B, H, T, D] turned by positions [T] times frequencies [D / 2]; negative ones undo it."""
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def model_frequencies(model: nn.Module) -> torch.Tensor:
    """[D / 2], by which a transformers model turns its queries and keys.

    Raises EdgeError E0074 for a model without rotary embedding, or with one whose frequencies
    depend on the length.
    """
    inner: Any = getattr(model, "model", model)
    embedding: Any = getattr(inner, "rotary_emb", None)
    steady = getattr(embedding, "rope_type", "") not in UNSTEADY
    if not (steady and hasattr(embedding, "inv_freq")):
        raise fail("E0074", "the model has no rotary embedding of fixed frequencies",
                   help=["a gate needs one: default, linear, llama3 or yarn"])  # fmt: skip
    frequencies: torch.Tensor = embedding.inv_freq.detach().float()
    return frequencies


def resampled(frequencies: torch.Tensor, width: int) -> torch.Tensor:
    """[W / 2] of the same geometric fall, for heads of another width; the same for the same."""
    if width == 2 * len(frequencies):
        return frequencies.clone()
    fall = (frequencies[-1] / frequencies[0]) ** (len(frequencies) / (len(frequencies) - 1))
    steps = torch.arange(0, width, 2, device=frequencies.device) / width
    found: torch.Tensor = frequencies[0] * fall**steps
    return found
