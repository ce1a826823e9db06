"""Dense quantized weights in the form of compressed-tensors, which vLLM and transformers read.

The names and layouts are those of the package compressed-tensors (0.15 and later): formats
int-quantized, float-quantized and pack-quantized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edge.errors import fail
from edge.gpu.linear.bit_stream import packed_bits
from edge.gpu.linear.numbers import GROUP, quantized

Tensors = dict[str, torch.Tensor]

_FLOAT8_MOST = 448.0  # of float8_e4m3fn


@dataclass(frozen=True)
class Scheme:
    """bits and kind ("int" or "float") of weights, and whether inputs have them too.

    Inputs are quantized for each token when they come. Without, weights have a scale for each
    GROUP inputs; with, for each row.
    """

    form: str
    bits: int
    kind: str
    inputs: bool

    def takes(self, weight: torch.Tensor) -> bool:
        """Whether a weight [out, in] has whole groups."""
        return self.inputs or weight.shape[1] % GROUP == 0

    def tensors(self, weight: torch.Tensor) -> Tensors:
        """The tensors of a layer in place of its weight [out, in], by the ends of their names."""
        if self.kind == "float":
            return _float8(weight)
        return _int8(weight) if self.inputs else _int4(weight)

    def config(self, ignored: Sequence[str]) -> dict[str, Any]:
        """quantization_config of config.json; the layers named stay dense."""
        one = {"num_bits": self.bits, "type": self.kind, "symmetric": True}
        shared = {"strategy": "channel"} if self.inputs else {"strategy": "group",
                                                              "group_size": GROUP}  # fmt: skip
        tokens = {**one, "strategy": "token", "dynamic": True} if self.inputs else None
        group = {
            "targets": ["Linear"], "weights": {**one, **shared, "dynamic": False},
            "input_activations": tokens, "output_activations": None,
        }  # fmt: skip
        return {
            "quant_method": "compressed-tensors", "format": self.form,
            "quantization_status": "compressed", "config_groups": {"group_0": group},
            "ignore": list(ignored), "kv_cache_scheme": None,
        }  # fmt: skip


SCHEMES = {
    "int8": Scheme("int-quantized", 8, "int", True),
    "int4": Scheme("pack-quantized", 4, "int", False),
    "fp8": Scheme("float-quantized", 8, "float", True),
}


def scheme_named(name: str) -> Scheme:
    """Raises EdgeError E0098 for a name that is not in SCHEMES."""
    if name not in SCHEMES:
        raise fail("E0098", f"no quantization {name!r} for vLLM",
                   help=[f"one of {', '.join(SCHEMES)}, or none"])  # fmt: skip
    return SCHEMES[name]


def _int8(weight: torch.Tensor) -> Tensors:
    numbers, scale = quantized(weight.float(), 8)
    return {"weight": numbers, "weight_scale": _column(scale)}


def _float8(weight: torch.Tensor) -> Tensors:
    most = weight.float().abs().amax(1)
    scale = torch.where(most > 0, most / _FLOAT8_MOST, 1.0)
    numbers = (weight.float() / scale[:, None]).clamp(-_FLOAT8_MOST, _FLOAT8_MOST)
    return {"weight": numbers.to(torch.float8_e4m3fn), "weight_scale": _column(scale)}


def _int4(weight: torch.Tensor) -> Tensors:
    """Eight numbers, raised by 8, in a word, the first in its low bits."""
    scales = weight.dtype if weight.is_floating_point() else torch.float32
    numbers, scale = quantized(weight.float(), 4, scales)
    words = packed_bits(numbers.int() + 8, 4).view(torch.int32)
    shape = torch.tensor(weight.shape)
    return {"weight_packed": words, "weight_scale": _given(scale), "weight_shape": shape}


def _column(scale: torch.Tensor | None) -> torch.Tensor:
    return _given(scale)[:, None].contiguous()


def _given(scale: torch.Tensor | None) -> torch.Tensor:
    if scale is None:
        raise ValueError("integers have a scale")
    return scale
