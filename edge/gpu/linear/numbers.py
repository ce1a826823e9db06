"""Weights as stored numbers and their scales: 4, 8, 16 (bfloat16) and 32 bits.

int8 has a float32 scale for each row; int4 a float16 scale for each 32 inputs of the dense row, and
two numbers lie in a byte, the first in its low half. Both are symmetric.
"""

from __future__ import annotations

import torch

from edge.gpu.linear.bit_stream import packed_bits, stream_bytes, unpacked_bits

GROUP = 32
"""Inputs that share an int4 scale."""

TYPES = {4: torch.int8, 8: torch.int8, 16: torch.bfloat16, 32: torch.float32}
"""What a number of so many bits is outside the stored form."""

_MOST = {4: 7, 8: 127}
_LEAST_SCALE = 2.0**-24  # of float16
_LEAST_FLOAT = 1e-30


def quantized(
    weight: torch.Tensor, bits: int, scales: torch.dtype = torch.float16
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Numbers [out, in] and the scale of float weights [out, in]; rows of zeros have scale 1.

    scales: the type of int4's scales.
    """
    if bits == 4:
        steps = _groups(weight).abs().amax(2) / _MOST[4]
        scale = _filled(steps.to(scales).float(), _LEAST_SCALE).to(scales)
    elif bits == 8:
        scale = _filled(weight.abs().amax(1) / _MOST[8], _LEAST_FLOAT)
    else:
        return weight.to(TYPES[bits]), None
    numbers = (weight / spread(scale, bits, weight.shape[1])).round()
    return numbers.clamp(-_MOST[bits], _MOST[bits]).to(torch.int8), scale


def _filled(scale: torch.Tensor, least: float) -> torch.Tensor:
    return torch.where(scale > 0, scale.clamp(min=least), torch.ones_like(scale))


def _groups(weight: torch.Tensor) -> torch.Tensor:
    """[out, groups, GROUP], zeros behind the last input."""
    padded = torch.nn.functional.pad(weight, (0, -weight.shape[1] % GROUP))
    return padded.reshape(len(weight), padded.shape[1] // GROUP, GROUP)


def spread(scale: torch.Tensor, bits: int, inputs: int) -> torch.Tensor:
    """float32[out, 1] or [out, in]: the scale of each weight."""
    if bits == 8:
        return scale.float()[:, None]
    return scale.float().repeat_interleave(GROUP, 1)[:, :inputs]


def scale_shape(bits: int, outputs: int, inputs: int) -> tuple[int, ...] | None:
    """The shape of the scale, None for floats."""
    return {8: (outputs,), 4: (outputs, -(-inputs // GROUP))}.get(bits)


def stored(numbers: torch.Tensor, bits: int) -> torch.Tensor:
    """Numbers [..., n] in their stored form."""
    return packed_bits(numbers, 4) if bits == 4 else numbers.contiguous()


def loaded(values: torch.Tensor, bits: int, count: int) -> torch.Tensor:
    """`count` numbers [..., count] of their stored form."""
    if bits != 4:
        return values[..., :count]
    return ((unpacked_bits(values, 4, count) ^ 8) - 8).to(torch.int8)


def stored_length(count: int, bits: int) -> int:
    """Elements of the stored form of so many numbers."""
    return stream_bytes(count, 4) if bits == 4 else count
