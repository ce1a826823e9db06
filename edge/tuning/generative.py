"""Generative Adapter: a context becomes an adapter in one forward pass (arXiv:2411.05877).

Chen et al. 2024. For each adapted layer the hidden states h of the context, normalized, are summed
up as (A2 h)(A3 h)^T; of that sum the directions with the largest singular values are kept, all with
the same weight. So y += alpha / width * B V U^T A1 x. What is trained, on many contexts, are A1,
A2, A3 and B; a context then costs no training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from edge.errors import fail
from edge.tuning.directions import LeadingDirections
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank import LowRank
from edge.tuning.low_rank_layer import require_rank
from edge.tuning.places import block_of, layers_named

_LEAST = 1e-6  # added to the mean square by which hidden states are divided


class GeneratingLayer(nn.Module):
    """A linear layer whose low-rank change is made from what `add` has seen.

    memory: [width, width], the sum over the context. down: A1 [width, in]; left, right: A2 and A3
    [width, hidden]; up: B [out, width], which starts at zero.
    """

    memory: torch.Tensor

    def __init__(
        self, dense: nn.Linear, config: GenerativeConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.dense, self.rank, self.on = dense, config.rank, True
        self.scale = config.alpha / config.width
        like, width = dense.weight, config.width

        def drawn(inputs: int) -> nn.Parameter:
            numbers = torch.randn(width, inputs, generator=generator) / inputs**0.5
            return nn.Parameter(numbers.to(like))

        self.down = drawn(dense.in_features)
        self.left, self.right = drawn(dense.out_features), drawn(dense.out_features)
        self.up = nn.Parameter(like.new_zeros(dense.out_features, width))
        self.register_buffer("memory", like.new_zeros(width, width))

    def add(self, hidden: torch.Tensor) -> None:
        """Take in hidden states [..., hidden] of the residual stream."""
        h = hidden.flatten(0, -2)
        h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + _LEAST)
        self.memory = self.memory + linear(h, self.left).T @ linear(h, self.right)

    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """down [rank, in] and up [out, rank] for the context so far."""
        u, _, v = torch.linalg.svd(self.memory)
        return u[:, : self.rank].T @ self.down, self.up @ v[: self.rank].T

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        y: torch.Tensor = self.dense(x)
        if not self.on:
            return y
        directions: torch.Tensor = LeadingDirections.apply(  # type: ignore[no-untyped-call]
            self.memory, self.rank
        )
        return y + self.scale * linear(linear(x, self.down) @ directions, self.up)


@dataclass(frozen=True)
class GenerativeConfig:
    """width: of the sums; rank: of the adapter that is made; window: tokens read at once.

    targets are layers that write into the residual stream, whose width hidden states have.
    """

    width: int = 1024
    rank: int = 128
    alpha: float = 64.0
    window: int = 1024
    targets: tuple[str, ...] = ("o_proj",)
    seed: int = 0

    def attach(self, model: nn.Module) -> GenerativeTuner:
        """Raises EdgeError E0081 if there are no such layers, or a rank above the width."""
        require_rank(self.rank)
        if self.rank > self.width or self.window < 1:
            raise fail("E0081", f"sums of width {self.width} have no rank {self.rank}",
                       help=["give a rank from 1 to the width and a window"])  # fmt: skip
        return GenerativeTuner(model, self)


class GenerativeTuner(LayerTuner[GeneratingLayer]):
    """`read` a context, then use the model, or export the LoRA adapter that was made.

    To train it, read a context with gradients on and let the loss be that of the context said again
    or continued (the paper's reconstruction and completion).
    """

    def __init__(self, model: nn.Module, config: GenerativeConfig) -> None:
        generator = torch.Generator().manual_seed(config.seed)
        self._window = config.window
        layers = layers_named(model, config.targets, nn.Linear)
        super().__init__(model, layers, lambda dense: GeneratingLayer(dense, config, generator))

    def clear(self) -> None:
        """Forget the context."""
        for layer in self.layers.values():
            layer.memory = torch.zeros_like(layer.memory)

    def read(self, ids: torch.Tensor) -> None:
        """Take in token ids [batch, length], after what was read before.

        Each window is read by itself, by the base model, so that where calls end at its borders
        they do as one would.
        """
        if not ids.numel():
            raise fail("E0086", "an empty context makes no adapter", help=["read at least a token"])
        for window in torch.split(ids, self._window, 1):
            self._read(window)

    def _read(self, ids: torch.Tensor) -> None:
        hidden: dict[str, torch.Tensor] = {}
        hooks = [
            self._model.get_submodule(block).register_forward_pre_hook(
                _keep(hidden, block), with_kwargs=True
            )
            for block in {block_of(name) for name in self.layers}
        ]
        try:
            self._switch(False)
            with torch.no_grad():  # the base model is frozen: its hidden states have no gradient
                self._model(ids)
        finally:
            self._switch(True)
            for hook in hooks:
                hook.remove()
        for name, layer in self.layers.items():
            layer.add(hidden[block_of(name)])

    def _switch(self, on: bool) -> None:
        for layer in self.layers.values():
            layer.on = on

    @torch.no_grad()
    def state(self) -> Mapping[str, LowRank]:
        """The adapter of the context so far, of rank `rank`."""
        return {
            f"{name}{WEIGHT}": LowRank(*layer.pair(), layer.scale)
            for name, layer in self.layers.items()
        }


def _keep(found: dict[str, torch.Tensor], block: str) -> Any:
    def keep(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        found[block] = arguments[0] if arguments else named["hidden_states"]

    return keep
