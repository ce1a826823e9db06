"""PackedSparse: a sparse weight as few bytes, one for torch, Triton and the device's packers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from edge.errors import fail
from edge.gpu.linear.layouts import Parts, layout_of
from edge.gpu.linear.layouts.layout import PACK
from edge.gpu.linear.numbers import TYPES, quantized, scale_shape, spread
from edge.sparsity.patterns import Pattern

TENSORS = ("values", "index", "scale", "tail", "bias")


@dataclass(frozen=True, eq=False)
class PackedSparse:
    """A weight [out, in] of which zeros are not stored.

    values, index, tail: as the pattern's layout says (`edge.gpu.linear.layouts`). bits: 4 or 8,
    integers with `scale` (`edge.gpu.linear.numbers`), 16 (bfloat16) or 32. bias: float32[out].
    """

    shape: tuple[int, int]
    pattern: Pattern
    values: torch.Tensor
    index: torch.Tensor
    scale: torch.Tensor | None
    bits: int
    bias: torch.Tensor | None = None
    tail: torch.Tensor | None = None

    @property
    def parts(self) -> Parts:
        """What the layout made."""
        return Parts(self.values, self.index, self.tail)

    def numbers(self) -> torch.Tensor:
        """Dense int8, bfloat16 or float32[out, in] without scales."""
        return layout_of(self.pattern).unpack(self.parts, self.shape, self.bits)

    def dense(self) -> torch.Tensor:
        """The weight, float32[out, in]."""
        numbers = self.numbers().float()
        return numbers if self.scale is None else numbers * spread(
            self.scale, self.bits, self.shape[1]
        )  # fmt: skip

    def is_whole(self) -> bool:
        """Whether the tensors fit the shape and each other, so that they can be unpacked."""
        outputs, inputs = self.shape
        scale = None if self.scale is None else tuple(self.scale.shape)
        layout = layout_of(self.pattern)
        return scale == scale_shape(self.bits, outputs, inputs) and layout.is_whole(
            self.parts, self.shape, self.bits
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors that there are, by field."""
        found = {name: getattr(self, name) for name in TENSORS}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def to(self, device: Any) -> PackedSparse:
        """The same on another device."""
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in self.tensors().items()}
        return replace(self, **moved)


def pack(
    weight: torch.Tensor, pattern: Pattern, bits: int = 16, bias: torch.Tensor | None = None
) -> PackedSparse:
    """Pack a weight [out, in] that has the pattern already: its zeros are what is left out.

    Integers are rounded to nearest with symmetric scales. Raises EdgeError E0093 for weights that
    do not have the pattern or are not finite, and for other numbers of bits than 4, 8, 16 and 32.
    """
    if bits not in TYPES:
        raise fail(PACK, f"no packed weights of {bits} bits",
                   help=[f"one of {', '.join(map(str, TYPES))}"])  # fmt: skip
    if weight.dim() != 2 or not bool(weight.isfinite().all()):
        raise fail(PACK, f"a weight of shape {list(weight.shape)} cannot be packed",
                   help=["give a matrix [out, in] of finite values"])  # fmt: skip
    numbers, scale = quantized(weight.detach().float(), bits)
    if scale is not None and not bool(scale.isfinite().all()):
        raise fail(PACK, "weights beyond the range of float16 scales",
                   help=["use 8 bits or more"])  # fmt: skip
    return of_numbers(numbers, scale, pattern, bits, bias)


def of_numbers(
    numbers: torch.Tensor,
    scale: torch.Tensor | None,
    pattern: Pattern,
    bits: int,
    bias: torch.Tensor | None = None,
) -> PackedSparse:
    """Pack dense numbers [out, in] that are quantized already. Raises EdgeError E0093."""
    parts = layout_of(pattern).pack(numbers, bits)
    shape = (int(numbers.shape[0]), int(numbers.shape[1]))
    bias = None if bias is None else bias.detach().float()
    return PackedSparse(shape, pattern, parts.values, parts.index, scale, bits, bias, parts.tail)
