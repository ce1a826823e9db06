"""Trains a gate on the attention maps of the dense model, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import fail
from edge.gpu.attention.gate.scores import POOLINGS, Pools, gate_of, pools, teacher_map
from edge.gpu.attention.gate.weights import (
    GateWeights,
    Tensors,
    new_gate,
    read_tensors,
    write_tensors,
)
from edge.gpu.attention.watch import attention_inputs

Example = list[tuple[Pools, torch.Tensor]]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class GateTraining:
    """Settings: tokens of a block, steps of Adam, its learning rate, which falls to zero as a
    cosine, the width of the gate's heads (the model's own if None), what is taken of the true
    attention in each block ("max", its greatest value, or "sum", its mass), and the seed of the
    start and of the order of the data. The state is saved after every `save` steps."""

    block: int = 64
    steps: int = 500
    rate: float = 1e-2
    width: int | None = None
    pooling: str = "max"
    seed: int = 0
    save: int = 100


def train_gate(
    model: nn.Module, calibration: Sequence[torch.Tensor], out: Path,
    settings: GateTraining | None = None, progress: Progress | None = None,
) -> GateWeights:  # fmt: skip
    """The gate of a transformers model with rotary embedding, written to `out` (safetensors).

    `calibration` are token ids int64[B, T]; a step takes one. The loss is the divergence (KL, nats,
    mean over rows) of the gate's softmax from the true attention, pooled over blocks and
    renormalised; `progress(step, loss)` hears it. A run that was cut off goes on from `out` with
    ".training" added, and ends with the same bits. Raises EdgeError E0074 without calibration, for
    a model without rotary embedding of fixed frequencies, and for a state of other settings.
    """
    settings = settings or GateTraining()
    if not calibration:
        raise fail("E0074", "a gate is trained on text, and there is none",
                   help=["give token ids as tensors [B, T]"])  # fmt: skip
    if settings.pooling not in POOLINGS:
        raise fail("E0074", f"attention is not pooled by {settings.pooling!r}",
                   help=[f"one of {', '.join(POOLINGS)}"])  # fmt: skip
    run = _Run(new_gate(model, settings.block, settings.width, settings.seed), settings)
    state = out.with_name(out.name + ".training")
    if state.exists():
        run.resume(state)
    examples = _Examples(model, calibration, run.gate, settings.pooling)
    while run.step < settings.steps:
        loss = run.advance(examples[run.choice(len(calibration))])
        if progress:
            progress(run.step, loss)
        if run.step % settings.save == 0:
            run.keep(state)
    run.gate.save(out)
    state.unlink(missing_ok=True)
    for tensor in run.gate.parameters():
        tensor.requires_grad_(False)
    return run.gate


class _Examples:
    """Pools and true maps of every layer, made when first asked for."""

    def __init__(
        self, model: nn.Module, calibration: Sequence[torch.Tensor], gate: GateWeights,
        pooling: str,
    ) -> None:  # fmt: skip
        self.model, self.calibration, self.gate = model, calibration, gate
        self.pooling = pooling
        self.made: dict[int, Example] = {}

    def __getitem__(self, place: int) -> Example:
        if place not in self.made:
            self.made[place] = self._make(self.calibration[place])
        return self.made[place]

    @torch.no_grad()
    def _make(self, ids: torch.Tensor) -> Example:
        block, frequencies = self.gate.block, self.gate.frequencies
        inputs = attention_inputs(self.model, ids)
        return [
            (pools(q, k, frequencies, block), teacher_map(q, k, scale, block, self.pooling))
            for _, (q, k, _v, scale) in sorted(inputs.items())
        ]


class _Run:
    """A gate on its way: weights, Adam's moments and the step."""

    def __init__(self, gate: GateWeights, settings: GateTraining) -> None:
        self.gate, self.settings, self.step = gate, settings, 0
        for tensor in gate.parameters():
            tensor.requires_grad_()
        self.optimizer = torch.optim.Adam(gate.parameters(), settings.rate)

    def choice(self, count: int) -> int:
        """Which example this step takes: all in an order by lot, then in another."""
        epoch, place = divmod(self.step, count)
        lot = torch.Generator().manual_seed(self.settings.seed + 1000 * epoch)
        return int(torch.randperm(count, generator=lot)[place])

    def advance(self, example: Example) -> float:
        """One step of Adam; the loss before it."""
        turn = torch.tensor(torch.pi * self.step / self.settings.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate * float(1 + turn.cos()) / 2
        losses = [
            divergence(gate_of(self.gate, layer, pooled), target)
            for layer, (pooled, target) in enumerate(example)
        ]
        loss = torch.stack(losses).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def keep(self, path: Path) -> None:
        """Save all that the next step depends on."""
        write_tensors(path, self._state(), {"settings": asdict(self.settings), "step": self.step})

    def resume(self, path: Path) -> None:
        """Go on from what `keep` saved. Raises EdgeError E0074 for other settings."""
        tensors, about = read_tensors(path)
        if about["settings"] != asdict(self.settings):
            raise fail("E0074", "the training that was cut off had other settings", str(path),
                       help=["give the same settings, or delete the file"])  # fmt: skip
        self.step = int(about["step"])
        with torch.no_grad():
            for name, tensor in self._state().items():
                tensor.copy_(tensors[name])

    def _state(self) -> Tensors:
        found = dict(self.gate.tensors())
        for place, tensor in enumerate(self.gate.parameters()):
            for name, value in self._moments(tensor).items():
                found[f"adam.{place}.{name}"] = value
        return found

    def _moments(self, tensor: torch.Tensor) -> Tensors:
        """Adam's own tensors, as it makes them at its first step."""
        state = self.optimizer.state[tensor]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(tensor) for _ in range(2))
        found: Tensors = state
        return found


def divergence(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """KL(target || softmax(logits)) in nats, mean over rows; both [B, H, R, R]."""
    log = logits.log_softmax(-1).masked_fill(target == 0, 0.0)
    return (torch.xlogy(target, target) - target * log).sum(-1).mean()
