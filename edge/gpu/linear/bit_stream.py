"""Numbers of a few bits each, one behind the other in bytes: the lowest bit comes first."""

from __future__ import annotations

import torch
from torch.nn.functional import pad


def packed_bits(numbers: torch.Tensor, bits: int) -> torch.Tensor:
    """uint8[..., ceil(n * bits / 8)] of the low `bits` of integers [..., n]."""
    places = torch.arange(bits, device=numbers.device)
    stream = (numbers[..., None].int() >> places & 1).flatten(-2)
    padded = pad(stream, (0, -stream.shape[-1] % 8))
    octets = padded.reshape(*numbers.shape[:-1], padded.shape[-1] // 8, 8)
    return (octets << torch.arange(8, device=numbers.device)).sum(-1).to(torch.uint8)


def unpacked_bits(stream: torch.Tensor, bits: int, count: int) -> torch.Tensor:
    """int32[..., count] of a stream uint8[..., at least ceil(count * bits / 8)]."""
    ones = (stream[..., None].int() >> torch.arange(8, device=stream.device) & 1).flatten(-2)
    fields = ones[..., : count * bits].reshape(*stream.shape[:-1], count, bits)
    return (fields << torch.arange(bits, device=stream.device)).sum(-1, dtype=torch.int32)


def stream_bytes(count: int, bits: int) -> int:
    """Bytes that so many numbers take."""
    return -(-count * bits // 8)
