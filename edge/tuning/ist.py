"""IST: each step tunes the layers that matter most (Yao et al. 2024, arXiv:2410.11772).

Which these are is learned on the way: the adapters of a random half of the blocks are suppressed,
and blocks whose absence makes the loss larger gain importance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.lora import LoRAConfig, LowRankTuner
from edge.tuning.low_rank_layer import LowRankLayer
from edge.tuning.places import block_of


@dataclass(frozen=True)
class ISTConfig:
    """Importance-aware sparse tuning of the adapters that `adapter` makes.

    share: of the blocks, those that a step updates. suppressed: share of the blocks of each of
    `candidates` trials, whose adapters count `factor` times. rate: of the importance.
    """

    adapter: LoRAConfig = field(default_factory=LoRAConfig)
    share: float = 0.25
    suppressed: float = 0.5
    factor: float = 0.25
    candidates: int = 3
    rate: float = 10.0
    seed: int = 0

    def attach(self, model: nn.Module) -> ISTTuner:
        """Raises EdgeError E0081 as the adapter does, and for shares outside (0, 1]."""
        for share in (self.share, self.suppressed):
            if not 0 < share <= 1:
                raise fail("E0081", f"a share of {share:g} of the blocks cannot be drawn",
                           help=["give a share above 0 and at most 1, as 0.25"])  # fmt: skip
        return ISTTuner(model, self)


class ISTTuner(LowRankTuner):
    """Call `draw` before each step, and `learn_importance` every ten steps or so.

    importance: float[blocks], 0 at first; `blocks` are their names. Blocks are drawn with
    probabilities that go as sigmoid(importance).
    """

    def __init__(self, model: nn.Module, config: ISTConfig) -> None:
        super().__init__(model, *config.adapter.places(model))
        self._config = config
        self._generator = torch.Generator().manual_seed(config.seed)
        blocks: dict[str, list[LowRankLayer]] = {}
        for name, layer in self.layers.items():
            blocks.setdefault(block_of(name), []).append(layer)
        self.blocks, self._blocks = list(blocks), list(blocks.values())
        self.importance = torch.zeros(len(blocks))

    def draw(self) -> list[str]:
        """The blocks that the next step updates; the others get no gradient."""
        count = max(1, round(self._config.share * len(self._blocks)))
        chance = self.importance.sigmoid()
        drawn = set(torch.multinomial(chance, count, generator=self._generator).tolist())
        for index, layers in enumerate(self._blocks):
            for layer in layers:
                for parameter in (layer.down, layer.up):
                    parameter.requires_grad_(index in drawn)
                    parameter.grad = None
        return [name for index, name in enumerate(self.blocks) if index in drawn]

    @torch.no_grad()
    def learn_importance(self, loss: Callable[[], float]) -> None:
        """Move the importance; `loss` is that of one batch with the model as it is.

        A trial's reward, e^-loss less the mean of all trials, counts against the blocks that were
        suppressed in it, by the slope of the sigmoid.
        """
        trials = [self._suppressed() for _ in range(self._config.candidates)]
        rewards = torch.tensor([-self._loss_without(trial, loss) for trial in trials]).exp()
        for trial, reward in zip(trials, rewards - rewards.mean(), strict=True):
            chance = self.importance[trial].sigmoid()
            self.importance[trial] -= self._config.rate * reward * chance * (1 - chance)

    def _suppressed(self) -> torch.Tensor:
        count = max(1, round(self._config.suppressed * len(self._blocks)))
        return torch.randperm(len(self._blocks), generator=self._generator)[:count]

    def _loss_without(self, trial: torch.Tensor, loss: Callable[[], float]) -> float:
        layers = [layer for block in trial.tolist() for layer in self._blocks[block]]
        scales = [layer.scale for layer in layers]
        for layer in layers:
            layer.scale *= self._config.factor
        try:
            return float(loss())
        finally:
            for layer, scale in zip(layers, scales, strict=True):
                layer.scale = scale
