"""The weights of a gate, one safetensors file for a model."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge.errors import EdgeError, fail
from edge.gpu.attention.gate.rotary import model_frequencies, resampled

GATE = "E0073"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class LayerGate:
    """Linear maps of one layer: query float32[H, D, W], key float32[G, 3 D, W]."""

    query: torch.Tensor
    key: torch.Tensor

    def of(self, heads: Sequence[int]) -> LayerGate:
        """Of some query heads, each with the map of its keys for itself."""
        chosen = torch.tensor(list(heads), device=self.query.device)
        return LayerGate(self.query[chosen], self.key[chosen // self.group])

    @property
    def group(self) -> int:
        """Query heads of a key head."""
        return len(self.query) // len(self.key)


@dataclass(frozen=True, eq=False)
class GateWeights:
    """layers; frequencies float32[D / 2] of the model's rotary embedding and gate_frequencies
    float32[W / 2] of the gate's own; block: tokens that were pooled in training."""

    layers: tuple[LayerGate, ...]
    frequencies: torch.Tensor
    gate_frequencies: torch.Tensor
    block: int

    def parameters(self) -> list[torch.Tensor]:
        """What is trained."""
        return [tensor for layer in self.layers for tensor in (layer.query, layer.key)]

    def tensors(self) -> Tensors:
        """By name, as `save` writes them."""
        found = {"frequencies": self.frequencies, "gate_frequencies": self.gate_frequencies}
        for place, layer in enumerate(self.layers):
            found[f"layers.{place}.query"] = layer.query
            found[f"layers.{place}.key"] = layer.key
        return found

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        write_tensors(path, self.tensors(), {"block": self.block})

    @classmethod
    def load(cls, path: Path) -> GateWeights:
        """Read what `save` wrote. Raises EdgeError E0073 for anything else."""
        tensors, about = read_tensors(path)
        try:
            gate = cls.of(tensors, int(about["block"]))
        except KeyError as error:
            raise damaged(path, f"{error} is missing") from error
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise damaged(path, "not all weights are finite")
        if not all(gate.fits(layer) for layer in gate.layers):
            raise damaged(path, "the shapes of its weights do not agree")
        return gate

    def fits(self, layer: LayerGate) -> bool:
        """Whether the shapes of a layer's maps are those of the frequencies."""
        dim, width = 2 * len(self.frequencies), 2 * len(self.gate_frequencies)
        shapes = layer.query.shape[1:] == (dim, width), layer.key.shape[1:] == (3 * dim, width)
        return all(shapes) and len(layer.query) % len(layer.key) == 0

    @classmethod
    def of(cls, tensors: Tensors, block: int) -> GateWeights:
        """Of tensors by name."""
        count = sum(name.endswith(".query") for name in tensors)
        layers = tuple(
            LayerGate(tensors[f"layers.{place}.query"], tensors[f"layers.{place}.key"])
            for place in range(count)
        )
        return cls(layers, tensors["frequencies"], tensors["gate_frequencies"], block)


def new_gate(model: nn.Module, block: int, width: int | None, seed: int) -> GateWeights:
    """A gate to train for a transformers model: it begins as the product of block means.

    `width` is that of the gate's heads, the model's own if None.
    """
    frequencies = model_frequencies(model)
    config: Any = model.config
    dim = 2 * len(frequencies)
    if dim != _head_dim(config):
        raise fail("E0074", f"{dim} of {_head_dim(config)} dimensions of a head are rotated",
                   help=["a gate needs a model that rotates whole heads"])  # fmt: skip
    width = width or dim
    generator = torch.Generator().manual_seed(seed)
    means = torch.cat([torch.zeros(2 * dim, width), torch.eye(dim, width)])
    layers = []
    for _ in range(config.num_hidden_layers):
        query = torch.eye(dim, width).expand(config.num_attention_heads, -1, -1)
        key = means.expand(config.num_key_value_heads, -1, -1)
        maps = (_noisy(start, generator).to(frequencies.device) for start in (query, key))
        layers.append(LayerGate(*maps))
    return GateWeights(tuple(layers), frequencies, resampled(frequencies, width), block)


def _head_dim(config: Any) -> int:
    own = getattr(config, "head_dim", None)
    return int(own or config.hidden_size // config.num_attention_heads)


def _noisy(start: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return start + 0.02 * torch.randn(start.shape, generator=generator)


def write_tensors(path: Path, tensors: Tensors, about: dict[str, Any]) -> None:
    """A safetensors file with JSON beside the tensors, whole or not at all."""
    from safetensors.torch import save_file

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    staged = path.with_name(path.name + ".writing")
    save_file(whole, staged, {"edge": json.dumps(about)})
    os.replace(staged, path)


def read_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `write_tensors` wrote. Raises EdgeError E0073."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["edge"])
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, what: str) -> EdgeError:
    """The error of a file that holds no gate."""
    return fail(GATE, f"not a gate: {what}", str(path),
                help=["train one with edge.gpu.attention.gate.training.train_gate"])  # fmt: skip
