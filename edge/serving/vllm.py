"""Hand-over to vLLM, where one machine is outgrown: a checkpoint and peft adapters.

The weights are dense: vLLM dropped compressed 2:4 weights (vllm-project/vllm PR 36799), so packed
ones are unpacked, and the report says so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge.errors import EdgeError, fail
from edge.gpu.linear.module import NMLinear
from edge.serving.adapter import Adapter, LowRank, require_fit
from edge.serving.compressed_tensors import Scheme, scheme_named
from edge.sparsity.layerwise.blocks import block_list
from edge.sparsity.sparse_tensors import dense_state

EXPORT = "E0098"

_SHARD = 5_000_000_000  # bytes


@dataclass(frozen=True)
class ExportReport:
    """What was written. quantized: layers with integers or 8-bit floats; unpacked: layers whose
    packed sparse weights were made dense; adapters: ranks by name; notes: what to know."""

    quantization: str | None
    quantized: tuple[str, ...]
    unpacked: tuple[str, ...]
    merged: str | None
    adapters: Mapping[str, int]
    bytes: int
    notes: tuple[str, ...]


def export_vllm(
    model: Any,
    adapters: Mapping[str, Adapter],
    path: Path,
    *,
    quantization: str | None = None,
    merge: str | None = None,
    shard_bytes: int = _SHARD,
) -> ExportReport:
    """Write `path`/model, `path`/adapters/NAME and `path`/export.json.

    model: a causal language model of transformers, also with packed layers. quantization: "int8"
    (weights and inputs), "fp8" (likewise) or "int4" (weights) for the linear layers of its blocks.
    merge: an adapter that goes into the weights; the others stay adapters. `path` appears when it
    is complete. Raises EdgeError E0064, E0091 for an adapter of another model, E0098.
    """
    scheme = None if quantization is None else scheme_named(quantization)
    if path.exists():
        raise unfit(path, "the folder exists")
    for name, adapter in adapters.items():
        require_fit(name, adapter, model)
    if merge is not None and merge not in adapters:
        raise unfit(path, f"there is no adapter {merge!r} to merge")
    state, unpacked = _dense_state(model)
    _merge(state, adapters[merge] if merge else {})
    tensors, quantized, left = _quantized(model, state, scheme)
    kept = {name: adapter for name, adapter in adapters.items() if name != merge}
    ranks = {name: max(part.rank for part in its.values()) for name, its in kept.items()}
    half = path.with_name(path.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    size = _write_model(half / "model", model, tensors, shard_bytes)
    _complete_config(half / "model", model, None if scheme is None else scheme.config(left))
    for name, adapter in kept.items():
        _write_adapter(half / "adapters" / name, adapter, model)
    notes = tuple(_notes(model, unpacked, left if scheme else [], ranks))
    report = ExportReport(quantization, quantized, unpacked, merge, ranks, size, notes)
    (half / "export.json").write_text(json.dumps(asdict(report), indent=1))
    half.replace(path)
    return report


def _dense_state(model: nn.Module) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """All tensors, tied ones once, and the layers that were packed."""
    packed = {n: m for n, m in model.named_modules() if isinstance(m, NMLinear)}
    found: dict[str, torch.Tensor] = {}
    dtype = getattr(model, "dtype", torch.float32)
    for name, module in packed.items():
        found[f"{name}.weight"] = module.packed.dense().to(dtype)
        if module.packed.bias is not None:
            found[f"{name}.bias"] = module.packed.bias.to(dtype)
    seen: set[int] = set()
    for name, tensor in dense_state(model.state_dict()).items():
        if name.rpartition(".")[0] not in packed and tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            found[name] = tensor
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise unfit(name, "it holds values that are not finite")
    return found, tuple(packed)


def _merge(state: dict[str, torch.Tensor], adapter: Adapter) -> None:
    for name, part in adapter.items():
        weight = state[f"{name}.weight"]
        state[f"{name}.weight"] = weight + (part.scale * part.up @ part.down).to(weight)


def _quantized(
    model: nn.Module, state: dict[str, torch.Tensor], scheme: Scheme | None
) -> tuple[dict[str, torch.Tensor], tuple[str, ...], list[str]]:
    """The tensors to write, the layers quantized, and the linear layers that stay."""
    if scheme is None:
        return state, (), []
    prefix = block_list(model)[0]
    tensors, done, left = dict(state), [], []
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | NMLinear):
            continue
        weight = state.get(f"{name}.weight")
        if weight is None or not name.startswith(f"{prefix}.") or not scheme.takes(weight):
            left.append(name)
            continue
        del tensors[f"{name}.weight"]
        tensors |= {f"{name}.{end}": tensor for end, tensor in scheme.tensors(weight).items()}
        done.append(name)
    return tensors, tuple(done), left


def _write_model(folder: Path, model: Any, tensors: dict[str, torch.Tensor], shard: int) -> int:
    """config.json and shards; the bytes of the tensors."""
    from huggingface_hub import split_torch_state_dict_into_shards
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    split = split_torch_state_dict_into_shards(tensors, max_shard_size=shard)
    for file, names in split.filename_to_tensors.items():
        part = {name: tensors[name].detach().cpu().contiguous() for name in names}
        save_file(part, folder / file, {"format": "pt"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    model.config.save_pretrained(folder)
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.save_pretrained(folder)
    return sum(tensor.nbytes for tensor in tensors.values())


def _complete_config(folder: Path, model: Any, quantization: dict[str, Any] | None) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), "architectures": [type(model).__name__]}
    if quantization is not None:
        config["quantization_config"] = quantization
    path.write_text(json.dumps(config, indent=2))


def _write_adapter(folder: Path, adapter: Adapter, model: Any) -> None:
    """All layers get the largest rank and one scale, which is all that vLLM reads."""
    from edge.tuning.low_rank import LowRank as Change
    from edge.tuning.peft_folder import write_peft

    rank = max(part.rank for part in adapter.values())
    layers = {name: _widened(part, rank) for name, part in adapter.items()}
    changes = {f"{n}.weight": Change(part.down, part.up, part.scale) for n, part in layers.items()}
    write_peft(changes, folder, getattr(model.config, "name_or_path", None) or None)


def _widened(part: LowRank, rank: int) -> LowRank:
    missing = rank - part.rank
    down = torch.nn.functional.pad(part.down, (0, 0, 0, missing))
    return LowRank(down, torch.nn.functional.pad(part.up * part.scale, (0, missing)), 1.0)


def _notes(
    model: nn.Module, unpacked: tuple[str, ...], left: list[str], ranks: Mapping[str, int]
) -> list[str]:
    notes = []
    if unpacked:
        patterns = {str(model.get_submodule(name).pattern) for name in unpacked}
        notes.append(
            f"{len(unpacked)} packed layers ({', '.join(sorted(patterns))}) were unpacked: vLLM "
            "reads no compressed sparse weights since 0.19.1; zeros stay, bytes do not"
        )
    if left:
        notes.append(f"{len(left)} linear layers stay dense: {', '.join(left)}")
    if max(ranks.values(), default=0) > _VLLM_RANK:
        notes.append(f"start vLLM with --max-lora-rank {max(ranks.values())} or more")
    return notes


_VLLM_RANK = 16  # the largest by default


def unfit(where: object, reason: str) -> EdgeError:
    """The error for an export that cannot be made."""
    return fail(EXPORT, f"nothing was exported for vLLM: {reason}", str(where),
                help=["give a new folder, a whole model and adapters for it"])  # fmt: skip
