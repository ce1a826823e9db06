"""DyLoRA: one adapter for a range of ranks (Valipour et al. 2022, arXiv:2210.07558).

Each step draws a rank b and computes with the first b rows of `down` and columns of `up`, so that
any truncation is an adapter of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank import LowRank
from edge.tuning.low_rank_layer import LowRankLayer
from edge.tuning.places import layers_named


class NestedLayer(LowRankLayer):
    """A low-rank layer of which the first `used` rows and columns are in use.

    Each is a parameter of its own: one without a gradient is left alone by every optimizer, while
    momentum would move zeros of a shared gradient.
    """

    def __init__(
        self, dense: nn.Module, rank: int, alpha: float, generator: torch.Generator
    ) -> None:
        super().__init__(dense, rank, alpha / rank, generator)
        self.rows = nn.ParameterList(row.clone() for row in torch.split(self.down.detach(), 1))
        self.columns = nn.ParameterList(
            column.clone() for column in torch.split(self.up.detach(), 1, 1)
        )
        del self.down, self.up
        self.alpha, self.lowest = alpha, 0
        self.used = rank

    def use(self, rank: int, frozen: bool) -> None:
        """Compute with the first `rank`; if `frozen`, only the last of these learns."""
        self.used, self.scale = rank, self.alpha / rank
        self.lowest = rank - 1 if frozen else 0

    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The first rows and columns."""
        rows, columns = (self._learning(p) for p in (self.rows, self.columns))
        return torch.cat(rows), torch.cat(columns, 1)

    def _learning(self, parts: nn.ParameterList) -> list[torch.Tensor]:
        used = list(parts)[: self.used]
        return [part.detach() for part in used[: self.lowest]] + used[self.lowest :]


@dataclass(frozen=True)
class DyLoRAConfig:
    """Ranks `minimum` to `rank`, drawn uniformly; the scale of rank b is alpha / b.

    `frozen` is the paper's faster variant: the rows below the one drawn last do not learn.
    """

    rank: int = 8
    minimum: int = 1
    alpha: float = 16.0
    frozen: bool = False
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    seed: int = 0

    def attach(self, model: nn.Module) -> DyLoRATuner:
        """Raises EdgeError E0081 if there are no such layers, or no ranks."""
        if not 1 <= self.minimum <= self.rank:
            raise fail("E0081", f"there are no ranks from {self.minimum} to {self.rank}",
                       help=["give a minimum from 1 to the rank"])  # fmt: skip
        return DyLoRATuner(model, self)


class DyLoRATuner(LayerTuner[NestedLayer]):
    """Call `draw` before each step; before the first, and after `use`, a given rank computes."""

    def __init__(self, model: nn.Module, config: DyLoRAConfig) -> None:
        self._config = config
        self._generator = torch.Generator().manual_seed(config.seed)
        layers = layers_named(model, config.targets, (nn.Linear, nn.Conv2d))
        super().__init__(
            model, layers,
            lambda dense: NestedLayer(dense, config.rank, config.alpha, self._generator),
        )  # fmt: skip

    def draw(self) -> int:
        """The rank of the next step, one for all layers."""
        least, most = self._config.minimum, self._config.rank
        rank = int(torch.randint(least, most + 1, (), generator=self._generator))
        for layer in self.layers.values():
            layer.use(rank, self._config.frozen)
        return rank

    def use(self, rank: int) -> None:
        """Compute and export with this rank. Raises EdgeError E0086 if it was not trained."""
        if not self._config.minimum <= rank <= self._config.rank:
            raise fail(
                "E0086", f"rank {rank} was not trained",
                help=[f"ranks {self._config.minimum} to {self._config.rank} were"],
            )  # fmt: skip
        for layer in self.layers.values():
            layer.use(rank, frozen=False)

    def state(self) -> dict[str, LowRank]:
        """The change at the rank in use."""
        return {f"{name}{WEIGHT}": layer.change() for name, layer in self.layers.items()}
