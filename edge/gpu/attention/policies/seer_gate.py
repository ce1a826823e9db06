"""A learned gate over blocks (Gao et al. 2024, SeerAttention, arXiv:2410.13276)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from edge.errors import EdgeError, fail
from edge.gpu.attention.gate.scores import gate_logits, pools
from edge.gpu.attention.gate.weights import GATE, GateWeights, LayerGate
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.scores import best_blocks
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class SeerGate:
    """The `kept` best key blocks by the gate in the file `weights`, or if `kept` is 0 those whose
    share in the gate's softmax is `threshold` or more; the row's own block is always among them."""

    weights: str
    kept: int = 0
    threshold: float = 2e-3
    block: int = 64

    def at(self, layer: int, heads: Sequence[int]) -> Policy:
        """Read the gate. Raises EdgeError E0073 for a file that is no gate of this place."""
        gate = GateWeights.load(Path(self.weights))
        if gate.block != self.block:
            raise self.unfit(f"it pools {gate.block} tokens, the plan's blocks have {self.block}")
        if layer >= len(gate.layers) or max(heads) >= len(gate.layers[layer].query):
            raise self.unfit(f"it has nothing for layer {layer}, head {max(heads)}")
        whole = gate.layers[layer]
        every = list(heads) == list(range(len(whole.query)))
        return PlacedGate(self, gate, whole if every else whole.of(heads))

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """Only a gate that `at` bound to a layer makes tables. Raises EdgeError E0073."""
        raise self.unfit("it was not bound to a layer; call `at(layer, heads)` first")

    def unfit(self, what: str) -> EdgeError:
        """The error of a gate that is not for this model."""
        return fail(GATE, f"the gate does not fit: {what}", self.weights,
                    help=["train a gate for this model and block size"])  # fmt: skip


@dataclass(frozen=True, eq=False)
class PlacedGate:
    """A gate's part for some heads of a layer."""

    settings: SeerGate
    gate: GateWeights
    layer: LayerGate

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return self.settings.block

    @torch.no_grad()
    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """By the gate's scores."""
        logits = self.logits(q, k)
        if self.settings.kept:
            chosen = best_blocks(logits, self.settings.kept)
        else:
            chosen = logits.softmax(-1) >= self.settings.threshold
        return BlockTable.from_blocks(chosen, self.block, q.shape[2])

    def logits(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        """[B, H, R, R]."""
        wanted = (*self.layer.query.shape[:2], len(self.layer.key))
        if (q.shape[1], q.shape[3], k.shape[1]) != wanted:
            raise self.settings.unfit(
                f"its queries and keys are {wanted}, not {q.shape}, {k.shape}"
            )
        frequencies = self.gate.frequencies.to(q.device), self.gate.gate_frequencies.to(q.device)
        layer = LayerGate(self.layer.query.to(q.device), self.layer.key.to(q.device))
        pooled = pools(q, k, frequencies[0], self.block)
        return gate_logits(layer, pooled, frequencies[1], self.block)
