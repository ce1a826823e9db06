"""NMLinear in place of pruned nn.Linears, and models that have it in safetensors files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge.errors import EdgeError, fail
from edge.gpu.linear.layouts.layout import PACK
from edge.gpu.linear.linear import nm_linear
from edge.gpu.linear.packed import TENSORS, PackedSparse, pack
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Pattern, Unstructured

FILE = "E0095"

_KEY = "edge.packed"


class NMLinear(nn.Module):
    """A linear layer with a packed weight. Gradients go to its input, not to the weight."""

    def __init__(self, packed: PackedSparse, backend: str = "auto") -> None:
        super().__init__()
        self.out_features, self.in_features = packed.shape
        self.backend = backend
        self.shape, self.pattern, self.bits = packed.shape, packed.pattern, packed.bits
        for name in TENSORS:
            self.register_buffer(name, getattr(packed, name))

    @property
    def packed(self) -> PackedSparse:
        """The weight, of the buffers as they are now."""
        tensors: dict[str, Any] = {name: getattr(self, name) for name in TENSORS}
        return PackedSparse(shape=self.shape, pattern=self.pattern, bits=self.bits, **tensors)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        return nm_linear(x, self.packed, self.backend)

    def _apply(self, fn: Any, recurse: bool = True) -> NMLinear:
        """Move, but keep the types: they are the format."""
        moved = fn(torch.empty(0)).device
        for name, tensor in self._buffers.items():
            self._buffers[name] = None if tensor is None else tensor.to(moved)
        return self


def sparsify_linears_(
    model: nn.Module,
    pattern: Pattern | None = None,
    bits: int = 16,
    *,
    chosen: Callable[[str], bool] | None = None,
    backend: str = "auto",
) -> dict[str, PackedSparse]:
    """Replace pruned nn.Linears by NMLinears; the packed weights by name.

    Replaced are layers with a third of zeros at least, or those that `chosen` names. Each has the
    `pattern`; by default 2:4 where it fits, else single weights. A weight that layers share stays.
    Raises EdgeError E0093 for one that does not have the pattern; then nothing is replaced.
    """
    shared = _shared(model)
    named = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.weight not in shared
        and (_is_pruned(module) if chosen is None else chosen(name))
    }  # fmt: skip
    packed = {name: _packed(name, module, pattern, bits) for name, module in named.items()}
    for name, weight in packed.items():
        model.set_submodule(name, NMLinear(weight, backend))
    return packed


_PRUNED = 1 / 3


def _is_pruned(module: nn.Linear) -> bool:
    return float((module.weight == 0).float().mean()) >= _PRUNED


def _shared(model: nn.Module) -> set[torch.Tensor]:
    """Parameters that have several names, such as tied embeddings."""
    found: set[torch.Tensor] = set()
    several: set[torch.Tensor] = set()
    for _, parameter in model.named_parameters(remove_duplicate=False):
        (several if parameter in found else found).add(parameter)
    return several


def _packed(name: str, module: nn.Linear, pattern: Pattern | None, bits: int) -> PackedSparse:
    try:
        return pack(module.weight, pattern or _own_pattern(module.weight), bits, module.bias)
    except EdgeError as error:
        found = error.diagnostics[0]
        raise fail(PACK, f"{name}: {found.title}", name, help=found.help) from error


def _own_pattern(weight: torch.Tensor) -> Pattern:
    """2:4 where the weight has it."""
    groups = weight[:, : weight.shape[1] // 4 * 4].reshape(-1, 4)
    fits = bool(((groups != 0).sum(-1) <= 2).all())
    return NM(2, 4) if fits else Unstructured()


def save_packed(model: nn.Module, path: Path) -> None:
    """Write all tensors of a model into a safetensors file, and what its NMLinears are."""
    from safetensors.torch import save_model

    forms = {
        name: {
            "shape": module.packed.shape, "pattern": str(module.packed.pattern),
            "bits": module.packed.bits, "tensors": sorted(module.packed.tensors()),
        }
        for name, module in model.named_modules()
        if isinstance(module, NMLinear)
    }  # fmt: skip
    half = path.with_name(path.name + ".part")
    save_model(model, str(half), {_KEY: json.dumps(forms), "format": "pt"})
    half.replace(path)


def load_packed(model: nn.Module, path: Path, backend: str = "auto") -> nn.Module:
    """Fill a dense model of the same architecture from a file of `save_packed`; the model itself.

    Raises EdgeError E0095 for a file that is damaged, holds no packed weights or is of another
    model; then the model is as before.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as opened:
            forms = json.loads((opened.metadata() or {})[_KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise unfit(path, f"it cannot be read: {str(error).splitlines()[0]}") from error
    layers = {name: _restored(name, form, tensors, model, path) for name, form in forms.items()}
    rest = {n: t for n, t in tensors.items() if n.rpartition(".")[0] not in forms}
    _require_rest(model, rest, layers, path)
    for name, packed in layers.items():
        model.set_submodule(name, NMLinear(packed, backend))
    model.load_state_dict(rest, strict=False)
    return model


def _restored(
    name: str, form: dict[str, Any], tensors: dict[str, torch.Tensor], model: nn.Module, path: Path
) -> PackedSparse:
    layer = dict(model.named_modules()).get(name)
    shape = tuple(form["shape"])
    if not isinstance(layer, nn.Linear) or tuple(layer.weight.shape) != shape:
        raise unfit(path, f"the model has no linear layer {name} of {shape[0]}x{shape[1]}")
    try:
        found = {field: tensors[f"{name}.{field}"] for field in form["tensors"]}
        packed = PackedSparse(
            shape, parse_pattern(form["pattern"]), found["values"], found["index"],
            found.get("scale"), form["bits"], found.get("bias"), found.get("tail"),
        )  # fmt: skip
    except KeyError as error:
        raise unfit(path, f"it has no tensor {error}") from error
    if not packed.is_whole():
        raise unfit(path, f"the tensors of {name} do not fit together")
    return packed


def _require_rest(
    model: nn.Module,
    rest: dict[str, torch.Tensor],
    layers: dict[str, PackedSparse],
    path: Path,
) -> None:
    """Every other tensor of the model is there, in its shape; tied ones once."""
    wanted = {n: t for n, t in model.state_dict().items() if n.rpartition(".")[0] not in layers}
    pointers = {wanted[n].data_ptr() for n in rest if n in wanted}
    for name, tensor in wanted.items():
        if name not in rest and tensor.data_ptr() not in pointers:
            raise unfit(path, f"it has no tensor {name}")
        if name in rest and rest[name].shape != tensor.shape:
            raise unfit(path, f"{name} has shape {list(rest[name].shape)}")
    if unknown := sorted(set(rest) - set(wanted)):
        raise unfit(path, f"the model has no tensor {unknown[0]}")


def unfit(where: Path, reason: str) -> EdgeError:
    """The error for a file of packed weights that cannot be used."""
    return fail(FILE, f"the packed model cannot be loaded: {reason}", str(where),
                help=["give a file of save_packed and the model that it is of"])  # fmt: skip
