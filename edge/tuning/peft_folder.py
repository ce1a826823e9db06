"""Low-rank adapters as the folders that peft saves and loads.

adapter_config.json and adapter_model.safetensors. Layers whose rank or scale is not that of most
are listed in rank_pattern and alpha_pattern.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, fail
from edge.tuning.adapters import sound
from edge.tuning.changes import Adapter
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank import LowRank

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {
    "use_dora": False, "bias": "none", "fan_in_fan_out": False, "modules_to_save": None,
    "trainable_token_indices": None, "alora_invocation_tokens": None,
}  # fmt: skip


def write_peft(adapter: Adapter, folder: Path, base: str | None = None) -> None:
    """Write a low-rank adapter so that peft.PeftModel.from_pretrained loads it.

    base: name of the base model. Raises EdgeError E0085 for changes of other kinds, which peft has
    no form for, E0088 for values that are not finite; nothing is then written.
    """
    from safetensors.torch import save_file

    layers = {name: _low_rank(name, change) for name, change in sound(adapter).items()}
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, pair in layers.items():
        stem = f"{_PREFIX}{name.removesuffix(WEIGHT)}"
        tensors[f"{stem}{_DOWN}"] = pair.down.detach().contiguous()
        tensors[f"{stem}{_UP}"] = pair.up.detach().contiguous()
    save_file(tensors, folder / TENSORS)
    config = _config({n.removesuffix(WEIGHT): pair for n, pair in layers.items()}, base)
    (folder / CONFIG).write_text(f"{json.dumps(config, indent=2)}\n")


def _low_rank(name: str, change: object) -> LowRank:
    if not isinstance(change, LowRank):
        raise fail(
            "E0085", f"peft has no form for a {type(change).__name__.lower()} change", name,
            help=["write it with edge.tuning.adapters.save_adapter, or fuse it into the model"],
        )  # fmt: skip
    return change


def _config(layers: Mapping[str, LowRank], base: str | None) -> dict[str, Any]:
    if not layers:
        raise fail("E0085", "an adapter without layers has no form in peft")
    alphas = {name: pair.scale * pair.rank for name, pair in layers.items()}
    rank = Counter(pair.rank for pair in layers.values()).most_common(1)[0][0]
    alpha = Counter(alphas.values()).most_common(1)[0][0]
    return {
        "peft_type": "LORA", "task_type": None, "inference_mode": True, "bias": "none",
        "base_model_name_or_path": base, "r": rank, "lora_alpha": alpha, "lora_dropout": 0.0,
        "target_modules": sorted(layers),
        "rank_pattern": {re.escape(n): p.rank for n, p in layers.items() if p.rank != rank},
        "alpha_pattern": {re.escape(n): a for n, a in alphas.items() if a != alpha},
    }  # fmt: skip


def read_peft(folder: Path) -> Mapping[str, LowRank]:
    """The adapter of a folder, by the names of the weights.

    Raises EdgeError E0084 for files that are missing, damaged or not finite, and for other kinds
    than plain LoRA of linear layers and convolutions.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / CONFIG).read_text())
        tensors = load_file(folder / TENSORS)
        _require_plain(config, folder)
        found = {name: tensors[name] for name in tensors if name.endswith(_DOWN)}
        if len(tensors) != 2 * len(found) or not found:
            raise _unfit(folder, "it holds other tensors than pairs of lora_A and lora_B")
        adapter = {
            (stem := key.removesuffix(_DOWN)).removeprefix(_PREFIX) + WEIGHT: LowRank(
                down, tensors[f"{stem}{_UP}"], _scale(stem.removeprefix(_PREFIX), config)
            )
            for key, down in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise _unfit(folder, f"it cannot be read: {str(error).splitlines()[0]}") from error
    for name, pair in adapter.items():
        _check(name, pair, config, folder)
    return adapter


def _require_plain(config: Mapping[str, Any], folder: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise _unfit(folder, f"its peft_type is {config.get('peft_type')}")
    for setting, plain in _PLAIN.items():
        if config.get(setting, plain) not in (plain, None):
            raise _unfit(folder, f"its {setting} is {config[setting]}")


def _of(pattern: str, name: str, config: Mapping[str, Any], default: str) -> float:
    """The number of a layer: peft takes the first pattern that its name ends with."""
    for key, number in (config.get(pattern) or {}).items():
        if re.match(rf"(.*\.)?({key})$", name):
            return float(number)
    return float(config[default])


def _scale(name: str, config: Mapping[str, Any]) -> float:
    rank = _of("rank_pattern", name, config, "r")
    alpha = _of("alpha_pattern", name, config, "lora_alpha")
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)


def _check(name: str, pair: LowRank, config: Mapping[str, Any], folder: Path) -> None:
    if fault := pair.fault():
        raise _unfit(folder, f"{name} has {fault}")
    told = _of("rank_pattern", name.removesuffix(WEIGHT), config, "r")
    if pair.rank != told:
        raise _unfit(folder, f"{name} has rank {pair.rank}, the configuration says {told:g}")


def _unfit(folder: Path, reason: str) -> EdgeError:
    return fail("E0084", f"the folder holds no adapter that can be tuned: {reason}", str(folder),
                help=["give a folder with plain LoRA as peft saves it"])  # fmt: skip
