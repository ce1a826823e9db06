"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685) and the folders in which peft saves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge.errors import EdgeError, fail

ADAPTER = "E0091"

_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {"use_dora": False, "bias": "none", "fan_in_fan_out": False, "modules_to_save": None,
          "rank_pattern": {}, "alpha_pattern": {}}  # fmt: skip


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

    Raises EdgeError E0091 for files that are missing or damaged and for other kinds than plain
    LoRA of linear layers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = load_file(folder / "adapter_model.safetensors")
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise unfit(folder, f"it cannot be read: {str(error).splitlines()[0]}") from error
    _require_plain(config, folder)
    scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    return _paired(tensors, scale, folder)


def _require_plain(config: dict[str, Any], folder: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise unfit(folder, f"its peft_type is {config.get('peft_type')}")
    for setting, plain in _PLAIN.items():
        if config.get(setting, plain) not in (plain, None):
            raise unfit(folder, f"its {setting} is {config[setting]}")


def _paired(tensors: Mapping[str, torch.Tensor], scale: float, folder: Path) -> Adapter:
    adapter = {}
    for name in (name for name in tensors if name.endswith(_DOWN)):
        stem = name.removesuffix(_DOWN)
        down, up = tensors[name], tensors.get(stem + _UP)
        if up is None or down.dim() != 2 or up.dim() != 2 or up.shape[1] != down.shape[0]:
            raise unfit(folder, f"{stem} is no pair of matrices of one rank")
        adapter[stem.removeprefix(_PREFIX)] = LowRank(down, up, scale)
    if len(tensors) != 2 * len(adapter) or not adapter:
        raise unfit(folder, "it holds other tensors than pairs of lora_A and lora_B")
    return adapter


def unfit(where: object, reason: str) -> EdgeError:
    """The error for an adapter that cannot be served here."""
    return fail(ADAPTER, f"the adapter cannot be served: {reason}", str(where),
                help=["give plain LoRA of linear layers, made for this base model"])  # fmt: skip
