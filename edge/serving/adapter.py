"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685) and the folders in which peft saves them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge.errors import EdgeError, fail

ADAPTER = "E0091"

_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {
    "use_dora": False, "bias": "none", "fan_in_fan_out": False, "modules_to_save": None,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LowRank:
    """What is added to one linear layer: y += scale * x down^T up^T.

    down: [rank, inputs]; up: [outputs, rank].
    """

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`."""
        return self.down.shape[0]


Adapter = Mapping[str, LowRank]
"""The additions to a model by the names of its layers."""


def read_adapter(folder: Path) -> Adapter:
    """The adapter of adapter_config.json and adapter_model.safetensors.

    Raises EdgeError E0091 for files that are missing or damaged, values that are not finite, and
    for other kinds than plain LoRA of linear layers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        _require_plain(config, folder)
        tensors = load_file(folder / "adapter_model.safetensors")
        return _paired(tensors, config, folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise unfit(folder, f"it cannot be read: {str(error).splitlines()[0]}") from error


def _require_plain(config: dict[str, Any], folder: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise unfit(folder, f"its peft_type is {config.get('peft_type')}")
    for setting, plain in _PLAIN.items():
        if config.get(setting, plain) not in (plain, None):
            raise unfit(folder, f"its {setting} is {config[setting]}")


def _paired(tensors: Mapping[str, torch.Tensor], config: dict[str, Any], folder: Path) -> Adapter:
    adapter = {}
    for key in (key for key in tensors if key.endswith(_DOWN)):
        stem = key.removesuffix(_DOWN)
        name, down, up = stem.removeprefix(_PREFIX), tensors[key], tensors.get(stem + _UP)
        if up is None or down.dim() != 2 or up.dim() != 2 or up.shape[1] != down.shape[0]:
            raise unfit(folder, f"{stem} is no pair of matrices of one rank")
        if down.shape[0] != _of("rank_pattern", name, config, "r"):
            raise unfit(folder, f"{stem} has another rank than adapter_config.json says")
        if not bool(down.isfinite().all() and up.isfinite().all()):
            raise unfit(folder, f"{stem} holds values that are not finite")
        adapter[name] = LowRank(down, up, _scale(name, config))
    if len(tensors) != 2 * len(adapter) or not adapter:
        raise unfit(folder, "it holds other tensors than pairs of lora_A and lora_B")
    return adapter


def _scale(name: str, config: dict[str, Any]) -> float:
    rank = _of("rank_pattern", name, config, "r")
    alpha = _of("alpha_pattern", name, config, "lora_alpha")
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)


def _of(pattern: str, name: str, config: dict[str, Any], default: str) -> float:
    """The number of a layer: that of the first pattern at the end of its name, as in peft."""
    patterns = config.get(pattern) or {}
    found = (number for key, number in patterns.items() if re.match(rf"(.*\.)?({key})$", name))
    return float(next(found, config[default]))


def require_fit(name: str, adapter: Adapter, model: torch.nn.Module) -> None:
    """Raise EdgeError E0091 unless each layer of the adapter is a linear layer of the model."""
    modules = dict(model.named_modules())
    for layer, part in adapter.items():
        sizes, its = linear_sizes(modules.get(layer)), (part.down.shape[1], len(part.up))
        if sizes is None:
            raise unfit(name, f"the model has no linear layer {layer}")
        if sizes != its:
            raise unfit(name, f"{layer} has {sizes[0]} inputs and {sizes[1]} outputs, "
                              f"the adapter {its[0]} and {its[1]}")  # fmt: skip


def linear_sizes(module: torch.nn.Module | None) -> tuple[int, int] | None:
    """Inputs and outputs of a linear layer, dense or packed; None for anything else."""
    inputs, outputs = (getattr(module, name, None) for name in ("in_features", "out_features"))
    return (inputs, outputs) if isinstance(inputs, int) and isinstance(outputs, int) else None


def unfit(where: object, reason: str) -> EdgeError:
    """The error for an adapter that cannot be served here."""
    return fail(ADAPTER, f"the adapter cannot be served: {reason}", str(where),
                help=["give plain LoRA of linear layers, made for this base model"])  # fmt: skip
