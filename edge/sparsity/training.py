"""A training loop with a sparsity schedule: seeded, resumable, with a progress bar.

Stochastic gradient descent with momentum and a learning rate that rises briefly and falls along a
cosine; the optimizer and the loss can be given. Every epoch draws its order from the seed and its
number, and a checkpoint holds module (masks included), optimizer and epoch: a run that was cut off
and goes on ends with the same bits as an unbroken one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import fail
from edge.quantization.calibration import progress_bar
from edge.sparsity.masked import sparse_layers
from edge.sparsity.schedules.schedule import Schedule, seeded

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy with label smoothing 0.05."""
    return nn.functional.cross_entropy(outputs, targets, label_smoothing=0.05)


@dataclass(frozen=True)
class Training:
    """How to train. `rate` is the peak of the learning rate, reached after `warm_up` of the steps.

    `at_once` splits a batch: gradients are added up over forward passes of so many samples.
    `augment` changes a batch of inputs. `regularize` is added to the loss, given the module.
    `after_epoch` gets the number of epochs done and the mean loss of the last one.
    """

    epochs: int
    batch: int = 128
    at_once: int | None = None
    rate: float = 0.1
    warm_up: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    seed: int = 0
    loss: Loss = cross_entropy
    augment: Augment | None = None
    regularize: Callable[[nn.Module], torch.Tensor] | None = None
    after_epoch: Callable[[int, float], None] | None = None
    progress: bool = True

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step: linear up, then half a cosine down to 0."""
        rising = max(round(self.warm_up * steps), 1)
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))


NO_SCHEDULE = Schedule()


def train(
    module: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    training: Training,
    schedule: Schedule = NO_SCHEDULE,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    checkpoint: Path | None = None,
) -> nn.Module:
    """Train `module` in place on inputs [N, ...] and targets [N, ...]; in evaluation mode after it.

    `checkpoint` names a file that is written after every epoch and, if it is there, gone on from.
    Raises EdgeError E0046 if the loss stops being finite, E0047 for another run's checkpoint.
    """
    schedule.prepare(module)
    optimizer = optimizer or torch.optim.SGD(
        _groups(module, training.weight_decay),
        lr=training.rate, momentum=training.momentum, nesterov=training.momentum > 0,
    )  # fmt: skip
    run = _Run(module, inputs, targets, training, schedule, optimizer)
    done = _resume(run, checkpoint)
    if done == 0:
        schedule.begin(module, run.steps)
    for epoch in range(done, training.epochs):
        loss = run.epoch(epoch)
        if checkpoint is not None:
            _save(run, checkpoint, epoch + 1)
        if training.after_epoch is not None:
            training.after_epoch(epoch + 1, loss)
    schedule.finish(module)
    return module


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and batch norms, which have one dimension, do not."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]


@dataclass(frozen=True, eq=False)
class _Run:
    module: nn.Module
    inputs: torch.Tensor
    targets: torch.Tensor
    training: Training
    schedule: Schedule
    optimizer: torch.optim.Optimizer

    @property
    def steps_an_epoch(self) -> int:
        return max(len(self.inputs) // self.training.batch, 1)

    @property
    def steps(self) -> int:
        return self.steps_an_epoch * self.training.epochs

    def epoch(self, epoch: int) -> float:
        """The mean loss over one epoch's batches."""
        total = 0.0
        with _training_mode(self.module):
            title = f"epoch {epoch + 1}/{self.training.epochs}"
            batches = self._batches(epoch)
            for step, (x, y) in progress_bar(
                batches, title, self.steps_an_epoch, self.training.progress
            ):
                total += self._step(step, x, y)
        if not math.isfinite(total):
            raise fail(
                "E0046", f"the loss is not finite after {epoch + 1} epochs",
                help=["lower the learning rate"],
            )  # fmt: skip
        return total / self.steps_an_epoch

    def _batches(self, epoch: int) -> Iterator[tuple[int, tuple[torch.Tensor, torch.Tensor]]]:
        generator = seeded(self.training.seed, epoch)
        order = torch.randperm(len(self.inputs), generator=generator)
        for index in range(self.steps_an_epoch):
            chosen = order[index * self.training.batch :][: self.training.batch]
            x = self.inputs[chosen]
            if self.training.augment is not None:
                x = self.training.augment(x, generator)
            yield epoch * self.steps_an_epoch + index, (x, self.targets[chosen])

    def _step(self, step: int, x: torch.Tensor, y: torch.Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.training.rate_at(step, self.steps)
        self.optimizer.zero_grad()
        loss = self._backward(x, y)
        self.schedule.gradients_ready(self.module, step, self.steps)
        self.optimizer.step()
        self.schedule.stepped(self.module, step, self.steps)
        return loss

    def _backward(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """The gradients of the batch's mean loss; the loss."""
        size = self.training.at_once or len(x)
        total = 0.0
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            loss = self.training.loss(self.module(x[part]), y[part]) * (len(x[part]) / len(x))
            if start == 0 and self.training.regularize is not None:
                loss = loss + self.training.regularize(self.module)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total


@contextmanager
def _training_mode(module: nn.Module) -> Iterator[None]:
    """Training mode inside, evaluation mode after; an exported module has one mode for good."""
    if isinstance(module, torch.fx.GraphModule):
        yield
        return
    module.train()
    try:
        yield
    finally:
        module.eval()


def _resume(run: _Run, checkpoint: Path | None) -> int:
    """The epochs that a checkpoint has behind it, its state loaded; 0 without one."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True)
    if saved["run"] != _identity(run):
        raise fail(
            "E0047", f"{checkpoint} belongs to another run", str(checkpoint),
            notes=[f"it was written by {saved['run']}", f"this run is {_identity(run)}"],
            help=["remove it, or name another file"],
        )  # fmt: skip
    run.module.load_state_dict(saved["module"])
    run.optimizer.load_state_dict(saved["optimizer"])
    return int(saved["epochs"])


def _identity(run: _Run) -> str:
    """What a checkpoint must agree with: another of these would give another result."""
    t = run.training
    plain = (t.epochs, t.batch, t.rate, t.warm_up, t.momentum, t.weight_decay, t.seed)
    removed = [
        f"{sparse.name}: {sparse.masked.pattern} {sparse.masked.sparsity:g}"
        for sparse in sparse_layers(run.module)
    ]
    return f"{run.schedule} of {len(run.inputs)} examples with {plain}, removing {removed}"


def _save(run: _Run, checkpoint: Path, epochs: int) -> None:
    state = {
        "run": _identity(run),
        "epochs": epochs,
        "module": run.module.state_dict(),
        "optimizer": run.optimizer.state_dict(),
    }
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    staged = checkpoint.with_suffix(".partial")
    torch.save(state, staged)
    os.replace(staged, checkpoint)
