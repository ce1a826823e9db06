"""VL-Adapter: bottlenecks shared by several tasks (Sung et al. 2022, arXiv:2112.06825).

Bottlenecks follow attention and feed-forward part of a frozen model; norms learn too, and so do
the layers that bring images in. One set for all tasks did best in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.bottleneck import Bottleneck, known_activation
from edge.tuning.changes import Change
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.norms import TunedNorms, is_norm
from edge.tuning.places import layers_named

SHARING = {"single": (True, True), "half": (True, False), "multiple": (False, False)}
"""Whether the way down and the way up are one for all tasks."""


class TaskLayer(nn.Module):
    """A linear layer with a bottleneck of the task in use after it."""

    def __init__(self, dense: nn.Linear, config: VLAdapterConfig, generator: torch.Generator):
        super().__init__()
        self.dense, self.activation, self.task = dense, config.activation, 0
        shared_down, shared_up = SHARING[config.sharing]
        tasks, outputs = len(config.tasks), dense.out_features
        width = max(1, outputs // config.reduction)
        like, downs, ups = dense.weight, 1 if shared_down else tasks, 1 if shared_up else tasks
        start = torch.empty(width, outputs, dtype=like.dtype)
        nn.init.kaiming_uniform_(start, math.sqrt(5), generator=generator)
        # every task starts from the same numbers, as one shared by all would
        self.down = nn.ParameterList(start.to(like.device, copy=True) for _ in range(downs))
        self.down_bias = nn.ParameterList(like.new_zeros(width) for _ in range(downs))
        self.up = nn.ParameterList(like.new_zeros(outputs, width) for _ in range(ups))
        self.up_bias = nn.ParameterList(like.new_zeros(outputs) for _ in range(ups))

    def bottleneck(self, task: int) -> Bottleneck:
        """That of a task."""
        down, up = min(task, len(self.down) - 1), min(task, len(self.up) - 1)
        return Bottleneck(
            self.down[down], self.down_bias[down], self.up[up], self.up_bias[up], self.activation
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        return self.bottleneck(self.task)(self.dense(x))


@dataclass(frozen=True)
class VLAdapterConfig:
    """The tasks, what they share, and how much narrower a bottleneck is than the layer before it.

    sharing: "single", one set for all tasks; "half", one way down and a way up for each;
    "multiple". inputs: layers that learn as a whole, such as the projection of image features.
    """

    tasks: tuple[str, ...]
    sharing: str = "single"
    reduction: int = 8
    norms: bool = True
    inputs: tuple[str, ...] = ()
    activation: str = "gelu"
    targets: tuple[str, ...] = ("o_proj", "down_proj")
    seed: int = 0

    def attach(self, model: nn.Module) -> VLAdapterTuner:
        """Raises EdgeError E0081 if there are no such layers, no tasks, or no such sharing."""
        known_activation(self.activation)
        if self.sharing not in SHARING or not self.tasks or self.reduction < 1:
            raise fail(
                "E0081", f"{len(self.tasks)} tasks cannot share {self.sharing!r}",
                help=[f"at least one task, sharing {', '.join(SHARING)}, a reduction from 1 on"],
            )  # fmt: skip
        return VLAdapterTuner(model, self)


class VLAdapterTuner(LayerTuner[TaskLayer]):
    """Call `use` before each batch with its task; the first is in use at first."""

    def __init__(self, model: nn.Module, config: VLAdapterConfig) -> None:
        generator = torch.Generator().manual_seed(config.seed)
        layers = layers_named(model, config.targets, nn.Linear)
        wholes = layers_named(model, config.inputs, nn.Module) if config.inputs else {}
        self._tasks, self._task = config.tasks, config.tasks[0]
        super().__init__(model, layers, lambda dense: TaskLayer(dense, config, generator))
        norms = [n for n, m in model.named_modules() if config.norms and is_norm(m)]
        self._norms = TunedNorms(model, [*norms, *wholes])

    def parameters(self) -> Iterable[nn.Parameter]:
        """Those of the bottlenecks, each once, and of norms and inputs."""
        return [*super().parameters(), *self._norms.parameters()]

    def use(self, task: str) -> None:
        """Compute, export and merge for this task. Raises EdgeError E0086 for an unknown one."""
        if task not in self._tasks:
            raise fail("E0086", f"no task {task!r}", help=[f"there are {', '.join(self._tasks)}"])
        self._task = task
        for layer in self.layers.values():
            layer.task = self._tasks.index(task)

    @torch.no_grad()
    def state(self) -> Mapping[str, Change]:
        """The bottlenecks of the task in use, and the norms, which all tasks share."""
        task = self._tasks.index(self._task)
        pairs = {name: layer.bottleneck(task).copied() for name, layer in self.layers.items()}
        return {**pairs, **self._norms.state()}

    def revert(self) -> nn.Module:
        """The model with the layers and bits that it had."""
        self._norms.revert()
        return super().revert()
